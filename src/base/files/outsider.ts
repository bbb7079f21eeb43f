/**
 * Who besides root, and the account of this process, could put something else in the place of a file: the owner of a
 * directory on the way to it, of a link there, or everybody who may write to one of these.
 */
import { accessSync, constants, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { access, lstat, readlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '../errors/errors.ts';

export interface Outsider {
  /** Undefined: a group, or everybody. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** `user 1000 owns /srv/x`, for messages. */
  readonly because: string;
}

/** A hint. */
export const letRootOwnIt =
  'Run this as the user that runs PostgreSQL, or let root own the file and each directory above it (chown root:postgres, chmod 0640).';

/** Linux follows no more (path_resolution(7)). */
const mostLinks = 40;
const sticky = 0o1000;

/** An outsider who could replace what the path names, or make it if it is not there yet. @throws system errors */
export async function findReplacer(path: string): Promise<Outsider | undefined> {
  return await answered(searchWay(resolve(path)));
}

/** The same, or an outsider who may write to the file itself. @throws system errors */
export async function findWriter(path: string): Promise<Outsider | undefined> {
  return await answered(searchWayAndEnd(resolve(path)));
}

/** As `findReplacer`. */
export function findReplacerSync(path: string): Outsider | undefined {
  const search = searchWay(resolve(path));
  for (let step = search.next(); ;) {
    if (step.done === true) return step.value;
    const { call, path: at } = step.value;
    try {
      step = search.next(callsSync[call](at));
    } catch (error) {
      step = search.throw(error);
    }
  }
}

/** What an outsider can replace may be used where it is his own: he gains nothing. */
export function isHisOwn(
  { uid, gid }: Outsider,
  found: { readonly uid: number; readonly gid: number },
): boolean {
  return uid === undefined ? gid !== undefined && gid === found.gid : uid === found.uid;
}

interface Question {
  readonly call: 'lstat' | 'readlink' | 'access';
  readonly path: string;
}

type Search<T> = Generator<Question, T, unknown>;

const calls = {
  lstat,
  readlink: (path: string) => readlink(path),
  access: (path: string) => access(path, constants.W_OK),
};
const callsSync = {
  lstat: lstatSync,
  readlink: (path: string) => readlinkSync(path),
  access: (path: string) => accessSync(path, constants.W_OK),
};

async function answered<T>(search: Search<T>): Promise<T> {
  for (let step = search.next(); ;) {
    if (step.done === true) return step.value;
    const { call, path } = step.value;
    try {
      step = search.next(await calls[call](path));
    } catch (error) {
      step = search.throw(error);
    }
  }
}

function* searchWayAndEnd(path: string): Search<Outsider | undefined> {
  const end: { path?: string } = {};
  const replacer = yield* searchWay(path, end);
  if (replacer !== undefined || end.path === undefined) return replacer;
  const found = yield* stateOf(end.path);
  return found === undefined ? undefined : yield* outsiderOf(end.path, found);
}

/** `end.path` becomes the path without links. */
function* searchWay(path: string, end: { path?: string } = {}): Search<Outsider | undefined> {
  const waiting = partsOf(path);
  let at = '/';
  for (let links = 0; waiting.length > 0;) {
    const name = waiting.shift() ?? '';
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    const directory = yield* stateOf(at);
    const entryPath = join(at, name);
    const entry = yield* stateOf(entryPath);
    if (directory === undefined) return undefined;
    const outsider = yield* outsiderOf(at, directory);
    // In a sticky directory an entry is safe from all but its owner, and the owner of the directory.
    const isKept = entry !== undefined && (directory.mode & sticky) !== 0 && isTrusted(directory.uid);
    if (outsider !== undefined && !isKept) return outsider;
    if (outsider !== undefined && entry !== undefined && !isTrusted(entry.uid))
      return ownerOf(entryPath, entry);
    if (entry === undefined) return undefined;
    if (!entry.isSymbolicLink()) {
      at = entryPath;
      continue;
    }
    if (++links > mostLinks) return undefined;
    const target = String(yield { call: 'readlink', path: entryPath });
    if (target.startsWith('/')) at = '/';
    waiting.unshift(...partsOf(target));
  }
  end.path = at;
  return undefined;
}

function partsOf(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.');
}

/** An outsider who owns the file or directory, or may write to it; nobody where it is mounted read-only. */
function* outsiderOf(path: string, found: Stats): Search<Outsider | undefined> {
  const { uid, gid, mode } = found;
  const outsider = !isTrusted(uid)
    ? ownerOf(path, found)
    : (mode & 0o002) !== 0
      ? { uid: undefined, gid: undefined, because: `everybody may write to ${path}` }
      : (mode & 0o020) !== 0 && !isTrustedGroup(gid)
        ? { uid: undefined, gid, because: `group ${gid} may write to ${path}` }
        : undefined;
  return outsider !== undefined && (yield* isReadOnly(path)) ? undefined : outsider;
}

function ownerOf(path: string, { uid }: Stats): Outsider {
  return { uid, gid: undefined, because: `user ${uid} owns ${path}` };
}

/** Many distributions give each user a group of his own, and open his files to it. */
function isTrustedGroup(gid: number): boolean {
  return gid === 0 || (process.geteuid?.() !== 0 && gid === process.getegid?.());
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function* stateOf(path: string): Search<Stats | undefined> {
  try {
    return (yield { call: 'lstat', path }) as Stats;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Such as a ConfigMap of Kubernetes, whose directory is open to everybody, and mounted read-only. */
function* isReadOnly(path: string): Search<boolean> {
  try {
    yield { call: 'access', path };
    return false;
  } catch (error) {
    return systemCode(error) === 'EROFS';
  }
}
