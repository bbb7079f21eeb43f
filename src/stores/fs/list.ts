/**
 * The listing of a directory tree in ascending order of whole keys, with one directory in memory at each level.
 *
 * The order of keys is not the order of names: `a-b` < `a/b` because `-` < `/`. So a directory sorts as its name
 * with `/` appended. Keys are ASCII, where JavaScript's order of strings is the order of bytes.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { isLegalKey } from '../driver-kit/key.ts';
import type { ListEntry, ListOptions } from '../store.ts';
import { assertReachable, assertRoot } from './directories.ts';
import { fsError, isMissing } from './error.ts';

/** How many files are examined (stat) at the same time. */
const statBatch = 32;

/** All entries; none is left out silently. @throws StoreError `no-container`, `denied`, `local-io` */
export async function* listFiles(root: string, options: ListOptions): AsyncGenerator<ListEntry> {
  options.signal.throwIfAborted();
  await assertRoot(root);
  const directory = options.prefix.slice(0, options.prefix.lastIndexOf('/') + 1);
  // '..' and the like: no key begins with it, and nothing outside the root may be read.
  if (directory !== '' && !isLegalKey(directory.slice(0, -1))) return;
  yield* listDirectory(root, directory, options);
}

interface Entry {
  /** With `/` appended for a directory. */
  readonly key: string;
  readonly isDirectory: boolean;
}

async function* listDirectory(
  root: string,
  directory: string,
  options: ListOptions,
): AsyncGenerator<ListEntry> {
  const { prefix, startAfter = '', delimiter } = options;
  const entries = (await readEntries(root, directory)).filter(({ key, isDirectory }) =>
    isDirectory
      ? (key.startsWith(prefix) || prefix.startsWith(key)) && (key > startAfter || startAfter.startsWith(key))
      : key.startsWith(prefix) && key > startAfter,
  );
  for (let at = 0; at < entries.length;) {
    options.signal.throwIfAborted();
    const entry = entries[at];
    if (entry?.isDirectory === true) {
      at++;
      if (delimiter === undefined || !entry.key.startsWith(prefix))
        yield* listDirectory(root, entry.key, options);
      else if (entry.key > startAfter && (await hasObject(root, entry.key, options)))
        yield { prefix: entry.key };
      continue;
    }
    const files: Entry[] = [];
    for (; at < entries.length && files.length < statBatch; at++) {
      const file = entries[at];
      if (file === undefined || file.isDirectory) break;
      files.push(file);
    }
    yield* await statFiles(root, files);
  }
}

/** False for an empty directory, and for one with nothing but unfinished writes. */
async function hasObject(root: string, directory: string, options: ListOptions): Promise<boolean> {
  for await (const _ of listDirectory(root, directory, { prefix: directory, signal: options.signal }))
    return true;
  return false;
}

async function readEntries(root: string, directory: string): Promise<Entry[]> {
  let found: Dirent[];
  try {
    found = await readdir(join(root, directory), { withFileTypes: true });
  } catch (error) {
    if (!isMissing(error)) throw fsError(`list ${directory === '' ? root : directory}`, error);
    await assertReachable(root, directory);
    return [];
  }
  const entries: Entry[] = [];
  for (const entry of found) {
    const key = directory + entry.name;
    // The top directory of a file system has a lost+found that only the superuser may read.
    if (!isLegalKey(key) || key === 'lost+found') continue;
    const isDirectory = entry.isSymbolicLink()
      ? await leadsToDirectory(join(root, key))
      : entry.isDirectory();
    if (isDirectory || entry.isFile() || entry.isSymbolicLink())
      entries.push({ key: isDirectory ? `${key}/` : key, isDirectory });
  }
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Also true for a broken link: its target may be a directory on an unmounted disk, and reading it will tell. */
async function leadsToDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return true;
    if (systemCode(error) === 'ELOOP') return false;
    throw fsError(`list ${path}`, error);
  }
}

async function statFiles(root: string, files: readonly Entry[]): Promise<ListEntry[]> {
  const found = await Promise.all(
    files.map(async ({ key }): Promise<ListEntry | undefined> => {
      try {
        const { size, mtime, mode } = await stat(join(root, key));
        return (mode & 0o170000) === 0o100000 ? { key, sizeBytes: size, modified: mtime } : undefined;
      } catch (error) {
        // Deleted since the directory was read, or a circular link.
        if (isMissing(error) || systemCode(error) === 'ELOOP') return undefined;
        throw fsError(`list ${key}`, error);
      }
    }),
  );
  return found.filter(entry => entry !== undefined);
}
