/** Merges the `[[repository]]` tables of the file with the WALVAULT_REPOSITORY_… variables. */
import { WalvaultError } from '../base/errors/errors.ts';
import { variablePart } from './environment.ts';
import type { RawValue } from './raw-value.ts';

export interface MergedRepository {
  readonly name: string;
  readonly fields: ReadonlyMap<string, RawValue>;
}

const onlyName = 'main';

/** A name without underscores and dots: so a name and its form in a variable (`OFF_SITE` for `off-site`) match one to one. */
const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * The repositories. Variables without a name belong to the only repository of the file, or to `main`.
 * @throws WalvaultError `config` if a name is missing, malformed or taken, or a variable could mean several repositories
 */
export function mergeRepositories(
  fromFile: readonly ReadonlyMap<string, RawValue>[],
  fromEnvironment: ReadonlyMap<string, ReadonlyMap<string, RawValue>>,
): MergedRepository[] {
  const merged = new Map<string, Map<string, RawValue>>();
  for (const fields of fromFile) {
    const name = nameOf(fields, fromFile.length === 1);
    if (merged.has(name)) throw new WalvaultError('config', `two repositories are named "${name}"`);
    merged.set(name, new Map(fields));
  }
  for (const [variable, fields] of fromEnvironment) {
    const name = variable === '' ? unnamed(fromFile.length, merged, fields) : fromVariable(variable, fields);
    merged.set(name, new Map([...(merged.get(name) ?? []), ...fields]));
  }
  if (merged.size === 0)
    throw new WalvaultError('config', 'no repository is configured', {
      hint: 'Add a [[repository]] table with a url to the configuration file, or set WALVAULT_REPOSITORY_URL.',
    });
  return [...merged].map(([name, fields]) => ({ name, fields }));
}

function nameOf(fields: ReadonlyMap<string, RawValue>, isOnly: boolean): string {
  const given = fields.get('name');
  if (given === undefined) {
    if (isOnly) return onlyName;
    const url = fields.get('url');
    throw new WalvaultError('config', `${url?.label ?? 'a repository'}: the repository has no name`, {
      hint: 'Where there are several repositories, each needs a name.',
    });
  }
  if (typeof given.value !== 'string' || !namePattern.test(given.value))
    throw new WalvaultError(
      'config',
      `${given.label}: ${JSON.stringify(given.value)} is not a repository's name`,
      {
        hint: 'It has lower-case letters, digits and hyphens, and begins with a letter or digit.',
      },
    );
  return given.value;
}

function unnamed(
  count: number,
  merged: ReadonlyMap<string, unknown>,
  fields: ReadonlyMap<string, RawValue>,
): string {
  if (count === 0 || merged.has(onlyName)) return onlyName;
  const [first] = merged.keys();
  if (count === 1 && first !== undefined) return first;
  const [raw] = fields.values();
  throw new WalvaultError('config', `${raw?.label ?? 'a variable'}: which repository is meant is not clear`, {
    hint: `Put the name into the variable, as in WALVAULT_REPOSITORY_${variablePart(first ?? onlyName)}_URL.`,
  });
}

function fromVariable(variable: string, fields: ReadonlyMap<string, RawValue>): string {
  const name = variable.toLowerCase().replaceAll('_', '-');
  if (namePattern.test(name) && variablePart(name) === variable) return name;
  const [raw] = fields.values();
  throw new WalvaultError('config', `${raw?.label ?? variable}: "${variable}" is not a repository's name`, {
    hint: 'In a variable the name is written in capitals, with _ for the hyphen.',
  });
}
