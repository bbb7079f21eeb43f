/**
 * The directories of restored tablespaces. A repository may be hostile, so it alone never chooses directories on this
 * host. Pure.
 */
import { isAbsolute, join, resolve } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { BackedUpTablespace } from '../../repository/format/backup-record.ts';

export interface TablespaceTarget {
  readonly oid: number;
  /** The directory on the original host. */
  readonly location: string;
  /** The absolute path of the directory on this host. */
  readonly directory: string;
  /** True if the directory is part of the data directory, as it was on the original host. */
  readonly isInside: boolean;
}

export interface TablespaceOptions {
  readonly dataDirectory: string;
  /** `OID=DIRECTORY` or `OLD-LOCATION=DIRECTORY`. */
  readonly map: readonly string[];
  /** Whether a person has seen and accepted the locations in the backup. */
  readonly acceptsRecorded: boolean;
}

/**
 * Maps each tablespace to its directory. In-place tablespaces (a relative location) are part of the data directory
 * and are not in the result; a tablespace with a directory inside the data directory returns to its place there.
 * @throws WalvaultError `usage` for a bad mapping, `refused` for a location that was not accepted
 */
export function mapTablespaces(
  tablespaces: readonly BackedUpTablespace[],
  options: TablespaceOptions,
): TablespaceTarget[] {
  const mappings = new Map(options.map.map(parseMapping));
  const used = new Set<string>();
  const outside = tablespaces.filter(({ location }) => isAbsolute(location));
  const targets = outside.map(({ oid, location, insidePath }) => {
    const from = [String(oid), location].find(key => mappings.has(key));
    if (from !== undefined) used.add(from);
    const directory = from === undefined ? location : mappings.get(from);
    const isMapped = from !== undefined;
    if (!isMapped && insidePath !== undefined)
      return {
        oid,
        location,
        directory: join(resolve(options.dataDirectory), insidePath),
        isMapped,
        isInside: true,
      };
    return { oid, location, directory: resolve(directory ?? location), isMapped, isInside: false };
  });
  const unused = [...mappings.keys()].find(key => !used.has(key));
  if (unused !== undefined)
    throw new WalvaultError('usage', `--tablespace-map ${unused}=…: the backup has no such tablespace`, {
      hint:
        outside.length === 0
          ? 'It has no tablespaces outside its data directory.'
          : `It has ${outside.map(({ oid, location }) => `${oid} at ${location}`).join(', ')}.`,
    });
  const recorded = targets.filter(({ isMapped, isInside }) => !isMapped && !isInside);
  if (recorded.length > 0 && !options.acceptsRecorded)
    throw new WalvaultError(
      'refused',
      `tablespaces would be written outside ${options.dataDirectory}: ${recorded.map(({ oid, location }) => `${oid} to ${location}`).join(', ')}`,
      {
        hint: `Give each a directory with --tablespace-map ${recorded[0]?.oid}=DIRECTORY, or agree to the recorded ones with --yes.`,
      },
    );
  refuseOverlap(targets, options.dataDirectory);
  return targets.map(({ oid, location, directory, isInside }) => ({ oid, location, directory, isInside }));
}

function parseMapping(text: string): [string, string] {
  const at = text.indexOf('=');
  const from = text.slice(0, at);
  const directory = text.slice(at + 1);
  if (at < 1 || !isAbsolute(directory))
    throw new WalvaultError('usage', `--tablespace-map "${text}" is not OID=DIRECTORY or OLD=NEW`, {
      hint: 'The directory must be an absolute path.',
    });
  return [from, directory];
}

function refuseOverlap(targets: readonly TablespaceTarget[], dataDirectory: string): void {
  const taken = [resolve(dataDirectory)];
  for (const { oid, directory, isInside } of targets) {
    if (isInside) continue;
    const other = taken.find(one => overlaps(one, directory));
    if (other !== undefined)
      throw new WalvaultError('usage', `tablespace ${oid} cannot go to ${directory}: ${other} is in the way`);
    taken.push(directory);
  }
}

/** True if one of two absolute paths is the other or inside it. */
export function overlaps(one: string, other: string): boolean {
  return contains(one, other) || contains(other, one);
}

function contains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
}
