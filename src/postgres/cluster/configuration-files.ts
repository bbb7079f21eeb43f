/**
 * The settings in `postgresql.conf` and the files that it includes, as a server would take them (ParseConfigFp and
 * ParseConfigDirectory in guc-file.l). The files may lie elsewhere than where they name each other: those of a restored
 * copy do.
 */
import { fileBounds } from '../../base/bounds.ts';
import { readdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { readWhole } from '../../base/files/read.ts';
import { includeDirectives, parseConfigurationLine } from './configuration-line.ts';

export interface ConfigurationEntry {
  /** The line; a character for each byte, as in `value`. */
  readonly text: string;
  readonly name: string | undefined;
  readonly value: string;
  /** The path of the file that has the line, as the files name each other. */
  readonly file: string;
}

export interface ConfigurationText {
  /** The path of the file that includes the others. */
  readonly file: string;
  /** Every line in the order in which PostgreSQL reads them; an include is replaced by the lines of its files. */
  readonly lines: readonly ConfigurationEntry[];
  /** What the files include and is not there, or cannot be read. */
  readonly missing: readonly string[];
}

/** PostgreSQL refuses deeper nesting (CONF_FILE_MAX_DEPTH). */
const depthLimit = 10;
/**
 * Files that include each other again and again could be read without end, and a restored copy's files are those of
 * whoever made the backup: what comes beyond these counts as missing.
 */
const mostReads = 500;
const { limitBytes: mostBytes } = fileBounds.postgresConfiguration;

/**
 * Reads the file; undefined if it does not exist or cannot be read: a server that needs it will say so.
 * @param locate the place of a file on this machine, from its path as the files name it
 */
export async function readConfiguration(
  file: string,
  locate: (path: string) => string = path => path,
): Promise<ConfigurationText | undefined> {
  const missing: string[] = [];
  const lines: ConfigurationEntry[] = [];
  const left = { reads: mostReads, bytes: mostBytes };
  const isThere = await readFile(file, { locate, lines, missing, depth: 0, left });
  return isThere ? { file, lines, missing } : undefined;
}

/** The value of each setting, as UTF-8 text: the last line wins. */
export function settingsOf({ lines }: ConfigurationText): Map<string, string> {
  return new Map(lines.flatMap(({ name, value }) => (name === undefined ? [] : [[name, decoded(value)]])));
}

interface Reading {
  readonly locate: (path: string) => string;
  /** Of all files, in the order in which they are read. */
  readonly lines: ConfigurationEntry[];
  readonly missing: string[];
  readonly depth: number;
  /** What may still be read. */
  readonly left: { reads: number; bytes: number };
}

/** False if it does not exist or cannot be read. */
async function readFile(file: string, reading: Reading): Promise<boolean> {
  const text = await textOf(reading.locate(file), reading.left);
  if (text === undefined) return false;
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const parsed = parseConfigurationLine(line);
    if (parsed !== undefined && includeDirectives.has(parsed.name)) await readIncluded(parsed, file, reading);
    else reading.lines.push({ text: line, name: parsed?.name, value: parsed?.value ?? '', file });
  }
  return true;
}

async function readIncluded(
  { name, value }: { readonly name: string; readonly value: string },
  file: string,
  reading: Reading,
): Promise<void> {
  const named = decoded(value);
  const path = isAbsolute(named) ? named : join(dirname(file), named);
  const deeper = { ...reading, depth: reading.depth + 1 };
  if (deeper.depth > depthLimit) return;
  if (name === 'include_dir') {
    const names = await namesIn(reading.locate(path));
    if (names === undefined) reading.missing.push(path);
    for (const each of names ?? []) await readFile(join(path, each), deeper);
  } else if (!(await readFile(path, deeper)) && name === 'include') reading.missing.push(path);
}

/** The bytes one to one, so that a file in any encoding comes out as it went in. Undefined: it cannot be read. */
async function textOf(path: string, left: Reading['left']): Promise<string | undefined> {
  try {
    const found = await stat(path);
    // A device or a pipe may have no end.
    if (!found.isFile() || left.reads === 0 || found.size > left.bytes) return undefined;
    left.reads--;
    left.bytes -= found.size;
    return (await readWhole(path, mostBytes)).toString('latin1');
  } catch (error) {
    if (systemCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** Only names that end in `.conf` and do not begin with a dot are read, in the order of their bytes. */
async function namesIn(directory: string): Promise<string[] | undefined> {
  try {
    const names = await readdir(directory);
    return names.filter(name => /^[^.].*\.conf$/s.test(name)).toSorted((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    if (systemCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** Bytes that a text stands for, as UTF-8. */
export function decoded(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
