/**
 * The listing of a directory tree in ascending order of whole keys, with one directory in memory at each level.
 *
 * The order of keys is not the order of names: `a-b` < `a/b` because `-` < `/`. So a directory sorts as its name
 * with `/` appended. Keys are ASCII, where JavaScript's order of strings is the order of bytes.
 */
import { lstat } from '../../base/files/calls.ts';
import { isLegalKey, sidecarName } from '../driver-kit/key.ts';
import type { ListEntry, ListOptions } from '../store.ts';
import { fsError, isMissing } from './error.ts';
import {
  holdBelowIfThere,
  holdIfThere,
  isALink,
  readEntriesOf,
  type HeldDirectory,
} from './held-directory.ts';
import { LookAhead } from './look-ahead.ts';
import type { Found } from './look-program.ts';
import { LookThreads } from './look-threads.ts';

/** How many files are examined (stat) at the same time, and are a page. */
const statBatch = 32;
/** After so many directories a listing is a long one: the next ones are read ahead, by threads. */
const directoriesOfShortListing = 16;
const directoriesAhead = 6;

/**
 * All entries; none is left out silently. A link ends the listing: a part of the archive may be meant to lie behind it,
 * and nothing there counts as absent.
 * @throws StoreError `no-container`, `denied`, `local-io`
 */
export async function* listFiles(root: string, options: ListOptions): AsyncGenerator<ListEntry[]> {
  options.signal.throwIfAborted();
  const directory = options.prefix.slice(0, options.prefix.lastIndexOf('/') + 1);
  // '..' and the like: no key begins with it, and nothing outside the root may be read.
  if (directory !== '' && !isLegalKey(directory.slice(0, -1))) return;
  await using held = await holdIfThere(root, directory);
  if (held === undefined) return;
  await using threads = new LookThreads();
  yield* listDirectory(held, directory, { ...options, threads, seen: { directories: 0 } });
}

interface Listing extends ListOptions {
  readonly threads: LookThreads;
  /** The directories that this listing has read so far. */
  readonly seen: { directories: number };
}

interface Entry {
  /** With `/` appended for a directory, and for a link: it may lead to one. */
  readonly key: string;
  readonly kind: 'directory' | 'file' | 'link';
}

/** Each directory on the way stays open: so one below it costs one step, however many somebody has planted. */
async function* listDirectory(
  held: HeldDirectory,
  directory: string,
  listing: Listing,
): AsyncGenerator<ListEntry[]> {
  const { prefix, startAfter = '', delimiter, signal } = listing;
  const entries = (await readEntries(held, directory)).filter(entry => isWanted(entry, listing));
  await using ahead = new LookAhead(held, listing.threads);
  const directoriesFrom = (at: number) =>
    entries
      .slice(at, at + 1 + directoriesAhead)
      .filter(({ kind }) => kind === 'directory')
      .map(entry => nameIn(directory, entry));
  for (let at = 0; at < entries.length;) {
    signal.throwIfAborted();
    const entry = entries[at];
    if (entry?.kind === 'link') throw isALink(held.shownPathOf(nameIn(directory, entry)));
    if (entry?.kind === 'directory') {
      at++;
      if (delimiter === undefined) {
        const isLong = ++listing.seen.directories > directoriesOfShortListing;
        const found = isLong ? await ahead.look(directoriesFrom(at - 1)) : undefined;
        if (found !== undefined) {
          yield entriesOf(entry.key, found, listing);
          continue;
        }
      }
      if (delimiter === undefined || !entry.key.startsWith(prefix)) {
        await using below = await holdBelowIfThere(held, nameIn(directory, entry));
        if (below !== undefined) yield* listDirectory(below, entry.key, listing);
      } else if (entry.key > startAfter && (await hasObject(held, directory, entry, listing)))
        yield [{ prefix: entry.key }];
      continue;
    }
    const files: Entry[] = [];
    for (; at < entries.length && files.length < statBatch; at++) {
      const file = entries[at];
      if (file?.kind !== 'file') break;
      files.push(file);
    }
    yield await statFiles(held, directory, files);
  }
}

function isWanted({ key, kind }: Entry, { prefix, startAfter = '' }: ListOptions): boolean {
  if (kind === 'file') return key.startsWith(prefix) && key > startAfter;
  const isOnTheWay = key.startsWith(prefix) || prefix.startsWith(key);
  return isOnTheWay && (key > startAfter || startAfter.startsWith(key));
}

/** The wanted ones of the files in `directory`. In a loop, since it is done for each file of an archive. */
function entriesOf(directory: string, { names, numbers }: Found, listing: Listing): ListEntry[] {
  const entries: ListEntry[] = [];
  if (names === '') return entries;
  const { prefix, startAfter = '' } = listing;
  const isWholeWanted = directory.startsWith(prefix) && directory > startAfter;
  let at = 0;
  for (const name of names.split('/')) {
    const key = directory + name;
    const sizeBytes = numbers[at] ?? 0;
    const modified = new Date(numbers[at + 1] ?? 0);
    at += 2;
    if ((isWholeWanted || isWanted({ key, kind: 'file' }, listing)) && isLegalKey(key))
      entries.push({ key, sizeBytes, modified });
  }
  return entries;
}

/** Of a directory below `directory`. False for an empty one, and for one with nothing but unfinished writes. */
async function hasObject(
  held: HeldDirectory,
  directory: string,
  entry: Entry,
  listing: Listing,
): Promise<boolean> {
  await using below = await holdBelowIfThere(held, nameIn(directory, entry));
  if (below === undefined) return false;
  for await (const page of listDirectory(below, entry.key, {
    ...listing,
    prefix: entry.key,
    startAfter: undefined,
    delimiter: undefined,
  }))
    if (page.length > 0) return true;
  return false;
}

/** Without the slash of a directory. */
function nameIn(directory: string, { key, kind }: Entry): string {
  return key.slice(directory.length, kind === 'file' ? undefined : -1);
}

async function readEntries(held: HeldDirectory, directory: string): Promise<Entry[]> {
  const found = await readEntriesOf(held, directory === '' ? held.shownPath : directory);
  const entries: Entry[] = [];
  for (const entry of found) {
    if (sidecarName.test(entry.name)) continue;
    const key = directory + entry.name;
    // The top directory of a file system has a lost+found that only the superuser may read.
    if (!isLegalKey(key) || key === 'lost+found') continue;
    if (entry.isDirectory()) entries.push({ key: `${key}/`, kind: 'directory' });
    else if (entry.isFile()) entries.push({ key, kind: 'file' });
    else if (entry.isSymbolicLink()) entries.push({ key: `${key}/`, kind: 'link' });
  }
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function statFiles(
  held: HeldDirectory,
  directory: string,
  files: readonly Entry[],
): Promise<ListEntry[]> {
  const found = await Promise.all(
    files.map(async (file): Promise<ListEntry | undefined> => {
      const { key } = file;
      try {
        const stat = await lstat(held.path(nameIn(directory, file)));
        return stat.isFile() ? { key, sizeBytes: stat.size, modified: stat.mtime } : undefined;
      } catch (error) {
        // Deleted since the directory was read.
        if (isMissing(error)) return undefined;
        throw fsError(`list ${key}`, error);
      }
    }),
  );
  return found.filter(entry => entry !== undefined);
}
