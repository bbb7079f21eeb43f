/** Reads a TOML file into raw values: known keys only, each with its line. */
import { fileBounds } from '../base/bounds.ts';
import { openToRead, readOpened } from '../base/files/read.ts';
import { dirname, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { WalvaultError, describeSystemCode, messageOf, systemCode } from '../base/errors/errors.ts';
import { findWriter, type Outsider } from '../base/files/outsider.ts';
import { isPrivateFile } from '../base/files/privacy.ts';
import { nearestName } from '../base/near.ts';
import type { RawValue } from './raw-value.ts';
import { repositorySettings } from './repository-settings.ts';
import { settings } from './settings.ts';
import { keyLines } from './toml-lines.ts';

export interface ConfigFile {
  readonly path: string;
  readonly settings: ReadonlyMap<string, RawValue>;
  readonly repositories: readonly ReadonlyMap<string, RawValue>[];
}

const maxSizeBytes = fileBounds.configuration.limitBytes;
const sections = sectionsOf(settings);
const repositorySections = sectionsOf(repositorySettings);

/**
 * @returns undefined if there is no such file
 * @throws WalvaultError `config` if the file is unreadable, not TOML, or has a key that is no setting
 */
export async function readConfigFile(path: string): Promise<ConfigFile | undefined> {
  const absolute = resolve(path);
  const content = await readWhole(absolute);
  if (content === undefined) return undefined;
  return interpret(parseToml(content.text, absolute), absolute, content);
}

interface FileContent {
  readonly text: string;
  readonly isPrivate: boolean;
  readonly outsider: Outsider | undefined;
}

async function readWhole(path: string): Promise<FileContent | undefined> {
  try {
    const handle = await openToRead(path);
    try {
      const stat = await handle.stat();
      if (stat.size > maxSizeBytes)
        throw new WalvaultError('config', `configuration file ${path} is larger than 1 MiB`);
      return {
        text: (await readOpened(handle, maxSizeBytes)).toString('utf8'),
        isPrivate: isPrivateFile(stat),
        outsider: process.geteuid?.() === 0 ? await findWriter(path) : undefined,
      };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === undefined) throw error;
    throw new WalvaultError('config', `configuration file ${path}: ${describeSystemCode(code)}`, {
      cause: error,
      hint:
        code === 'EACCES'
          ? 'The user that PostgreSQL runs as must be able to read it: make that user its owner, with mode 0600, or root, with mode 0640 and a group of that user.'
          : undefined,
    });
  }
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Only the first line of the message: the rest quotes the file, which may hold a secret.
    const reason = (messageOf(error).split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    throw new WalvaultError('config', `${path}, line ${error.line}, column ${error.column}: ${reason}`);
  }
}

function interpret(document: Record<string, unknown>, path: string, content: FileContent): ConfigFile {
  const lines = keyLines(content.text);
  const directory = dirname(path);
  const raw = (value: unknown, key: string, place: string): RawValue => {
    const line = lines.get(place);
    return {
      value,
      label: `${key} in ${path}${line === undefined ? '' : `, line ${line}`}`,
      origin: line === undefined ? path : `${path}:${line}`,
      directory,
      isPrivate: content.isPrivate,
      outsider: content.outsider,
    };
  };
  const found = new Map<string, RawValue>();
  const add = (key: string, value: unknown) => {
    if (!Object.hasOwn(settings, key)) throw unknownSetting(key, path, lines.get(key));
    found.set(key, raw(value, key, key));
  };
  for (const [key, value] of Object.entries(document)) {
    if (key === 'repository') continue;
    if (sections.has(key)) {
      if (!isTable(value))
        throw new WalvaultError('config', `${raw(value, key, key).label}: must be a section, [${key}]`);
      for (const [name, inner] of Object.entries(value)) add(`${key}.${name}`, inner);
    } else if (isTable(value) && Object.keys(value).length > 0) {
      add(`${key}.${Object.keys(value)[0]}`, value);
    } else add(key, value);
  }
  const tables = document['repository'] ?? [];
  if (!Array.isArray(tables) || !tables.every(isTable))
    throw new WalvaultError('config', `repository in ${path}: must be tables, each headed [[repository]]`);
  const repositories = tables.map((table, index) => {
    const fields = new Map<string, RawValue>();
    const addField = (name: string, value: unknown) => {
      const place = `repository[${index}].${name}`;
      if (!Object.hasOwn(repositorySettings, name))
        throw unknownSetting(`repository.${name}`, path, lines.get(place));
      fields.set(name, raw(value, `repository.${name}`, place));
    };
    for (const [name, value] of Object.entries(table)) {
      if (repositorySections.has(name) && isTable(value))
        for (const [inner, one] of Object.entries(value)) addField(`${name}.${inner}`, one);
      else addField(name, value);
    }
    return fields;
  });
  return { path, settings: found, repositories };
}

function sectionsOf(table: object): ReadonlySet<string> {
  return new Set(
    Object.keys(table).flatMap(key => (key.includes('.') ? [key.slice(0, key.indexOf('.'))] : [])),
  );
}

function unknownSetting(key: string, path: string, line: number | undefined): WalvaultError {
  const known = [
    ...Object.keys(settings),
    ...Object.keys(repositorySettings).map(name => `repository.${name}`),
  ];
  const near = nearestName(key, known);
  const at = line === undefined ? '' : `, line ${line}`;
  return new WalvaultError('config', `unknown setting "${key}" in ${path}${at}`, {
    hint:
      near === undefined ? 'All settings are listed in docs/reference/settings.md.' : `Did you mean ${near}?`,
  });
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
