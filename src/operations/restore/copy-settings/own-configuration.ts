/**
 * Makes the restored directory startable by itself: `postgres -D` reads `postgresql.conf` there, and a path in it may
 * still lead to the origin. `data_directory` is the worst of them: a server started on the copy would run on the
 * origin's files. `postgresql.auto.conf` cannot change it, because PostgreSQL reads that file in the directory that it
 * has found by then (SelectConfigFiles in guc.c).
 */
import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { writeFileDurably } from '../../../base/files/durable.ts';
import { readWhole } from '../../../base/files/read.ts';
import { updateBackupManifest } from '../../../postgres/cluster/backup-manifest.ts';
import type { ConfigurationText } from '../../../postgres/cluster/configuration-files.ts';
import { commentOut, setting } from '../../../postgres/cluster/recovery-settings.ts';
import { configurationName, savedCopyOf, type CopyConfiguration } from './copy-configuration.ts';

/** `own`: the backup has it. `copied`: it lay outside. `left`: it lay outside and stays unused. `none`: not saved. */
export type ConfigurationSource = 'own' | 'copied' | 'left' | 'none';

export interface OwnConfiguration {
  readonly source: ConfigurationSource;
  /** Files and directories that the configuration includes and the backup does not have. */
  readonly notIncluded: readonly string[];
}

const placeNames = ['data_directory', 'hba_file', 'ident_file'] as const;

const copiedNote =
  '# Configuration of the origin, put here by walvault restore with the files that it included';
const changedNote = '# Paths changed by walvault restore';

/**
 * Writes `postgresql.conf` in the directory: from the saved copy of one that lay outside, if `copies` is true, or its
 * own with paths that no longer lead to the origin.
 * @throws system errors
 */
export async function makeOwnConfiguration(
  dataDirectory: string,
  configuration: CopyConfiguration,
  { copies }: { readonly copies: boolean },
): Promise<OwnConfiguration> {
  const { main, isInForce } = configuration;
  if (main === undefined) return { source: 'none', notIncluded: [] };
  const path = join(dataDirectory, configurationName);
  if (isInForce) {
    const before = await readWhole(path);
    const after = ownText(before.toString('latin1'), main, dataDirectory);
    if (after !== undefined) await replace(dataDirectory, after, { isNew: false });
    return { source: 'own', notIncluded: main.missing };
  }
  if (!copies) return { source: 'left', notIncluded: main.missing };
  await replace(dataDirectory, copiedText(main, dataDirectory), { isNew: true });
  return { source: 'copied', notIncluded: main.missing };
}

async function replace(
  dataDirectory: string,
  text: string,
  { isNew }: { readonly isNew: boolean },
): Promise<void> {
  const content = Buffer.from(text, 'latin1');
  await writeFileDurably(join(dataDirectory, configurationName), content);
  await updateBackupManifest(dataDirectory, { path: configurationName, content, isNew });
}

/** One file with all lines of the files that it included. */
function copiedText(main: ConfigurationText, dataDirectory: string): string {
  const body = commentOut(main.lines.map(({ text }) => text).join('\n'), new Set(placeNames));
  const missing = main.missing.map(path => `# not in the backup: ${path}`);
  return lines([copiedNote, ...missing, body.trimEnd(), ...places(main, dataDirectory)]);
}

/** Undefined if nothing need be changed. */
function ownText(text: string, main: ConfigurationText, dataDirectory: string): string | undefined {
  const elsewhere = main.lines.some(
    ({ name, value }) => name === 'data_directory' || (isFilePlace(name) && isAbsolute(value)),
  );
  if (!elsewhere) return undefined;
  const isIncluded = main.lines.some(({ name, file }) => name === 'data_directory' && file !== main.file);
  const own = isIncluded ? [bytes(setting('data_directory', dataDirectory))] : [];
  const body = commentOut(text, new Set(placeNames));
  return lines([body.trimEnd(), ...places(main, dataDirectory), ...own]);
}

/** Where the copy has the files for authentication. A path that leads nowhere stays, so that the server says so. */
function places(main: ConfigurationText, dataDirectory: string): string[] {
  const named = new Map(main.lines.map(({ name, value }) => [name, value]));
  const settings = (['hba_file', 'ident_file'] as const).flatMap(name => {
    const value = named.get(name);
    const place = value === undefined ? beside(main, name, dataDirectory) : ownPlaceOf(value, dataDirectory);
    return place === undefined ? [] : [bytes(setting(name, place))];
  });
  return settings.length === 0 ? [] : [changedNote, ...settings];
}

function ownPlaceOf(path: string, dataDirectory: string): string {
  const decoded = Buffer.from(path, 'latin1').toString('utf8');
  const inside = join(dataDirectory, basename(decoded));
  return savedCopyOf(dataDirectory, decoded) ?? (existsSync(inside) ? inside : decoded);
}

/** By default the two files lie beside the configuration file. */
function beside(
  main: ConfigurationText,
  name: 'hba_file' | 'ident_file',
  dataDirectory: string,
): string | undefined {
  const file = name === 'hba_file' ? 'pg_hba.conf' : 'pg_ident.conf';
  const directory = dirname(main.file);
  return directory === dataDirectory ? undefined : savedCopyOf(dataDirectory, join(directory, file));
}

function isFilePlace(name: string | undefined): boolean {
  return name === 'hba_file' || name === 'ident_file';
}

/** UTF-8 as the bytes of a text that stands for bytes. */
function bytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
