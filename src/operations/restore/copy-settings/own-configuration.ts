/**
 * Makes the restored directory startable by itself: `postgres -D` reads `postgresql.conf` there, and a path in it may
 * still lead to the origin. `data_directory` is the worst of them: a server started on the copy would run on the
 * origin's files. `postgresql.auto.conf` cannot change it, because PostgreSQL reads that file in the directory that it
 * has found by then (SelectConfigFiles in guc.c).
 */
import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { writeFileDurably } from '../../../base/files/durable.ts';
import { updateBackupManifest } from '../../../postgres/cluster/backup-manifest.ts';
import { decoded, type ConfigurationText } from '../../../postgres/cluster/configuration-files.ts';
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

const madeNote = '# Made by walvault restore from the configuration of the origin and all that it included';
const changedNote = '# Paths changed by walvault restore';

/**
 * Writes `postgresql.conf` in the directory: from the saved copy of one that lay outside, if `copies` is true, or from
 * its own where that leads out of the directory.
 * @throws system errors
 */
export async function makeOwnConfiguration(
  dataDirectory: string,
  { main, isInForce }: CopyConfiguration,
  { copies }: { readonly copies: boolean },
): Promise<OwnConfiguration> {
  if (main === undefined) return { source: 'none', notIncluded: [] };
  const notIncluded = main.missing;
  if (!isInForce && !copies) return { source: 'left', notIncluded };
  if (!isInForce || leadsOut(main, dataDirectory))
    await replace(dataDirectory, selfContained(main, dataDirectory), { isNew: !isInForce });
  return { source: isInForce ? 'own' : 'copied', notIncluded };
}

function leadsOut({ lines, missing }: ConfigurationText, dataDirectory: string): boolean {
  return (
    missing.length > 0 ||
    lines.some(
      ({ name, value, file }) =>
        !file.startsWith(`${dataDirectory}${sep}`) ||
        name === 'data_directory' ||
        (isFilePlace(name) && isAbsolute(value)),
    )
  );
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
function selfContained(main: ConfigurationText, dataDirectory: string): string {
  const body = commentOut(main.lines.map(({ text }) => text).join('\n'), new Set(placeNames));
  const missing = main.missing.map(path => `# included, and not in the backup: ${bytes(path)}`);
  return lines([madeNote, ...missing, body.trimEnd(), ...places(main, dataDirectory)]);
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
  const named = decoded(path);
  const inside = join(dataDirectory, basename(named));
  return savedCopyOf(dataDirectory, named) ?? (existsSync(inside) ? inside : named);
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
