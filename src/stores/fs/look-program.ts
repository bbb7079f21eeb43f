/**
 * What a thread of `look-threads.ts` runs, and the messages between it and the listing. It is text, because a thread with
 * nothing to load starts in the fewest milliseconds, also in the executable.
 */
import { constants } from 'node:fs';
import { sidecarName } from '../driver-kit/key.ts';
import { onlyToName } from './held-directory.ts';

/** A directory with more is listed by the caller, in pieces. */
const mostFiles = 5000;

export interface Question {
  /** The path of the directory above, for as long as the question is open. */
  readonly above: string;
  /** The directory to look into. */
  readonly name: string;
}

export interface Found {
  /** With slashes between them: one long text crosses to another thread in less time than many short ones. */
  readonly names: string;
  /** For each its size in bytes, and its time of modification in milliseconds. */
  readonly numbers: Float64Array;
}

/** They come in the order of the questions. */
export interface Answer {
  /** Undefined for a directory that the caller must list, where it meets the link or the error. */
  readonly found: Found | undefined;
}

/**
 * The directory is opened inside the held one above it, and its files are named through the descriptor, as
 * `held-directory.ts` does. `/proc/self` is resolved once and not for each file, which saves a tenth of the time.
 */
export const lookProgram = `
const { closeSync, lstatSync, openSync, readdirSync, readlinkSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
const sidecar = /${sidecarName.source}/;
const isThere = { throwIfNoEntry: false };
const descriptors = '/proc/self/fd/';
let own;
function look(above, name) {
  const path = above + '/' + name;
  const fd = openSync(path, ${onlyToName | constants.O_NOFOLLOW});
  try {
    if (!above.startsWith(descriptors)) return lookInto(path);
    own ??= '/proc/' + readlinkSync('/proc/self') + '/fd/';
    return lookInto(own + fd);
  } finally {
    closeSync(fd);
  }
}
function lookInto(directory) {
  const names = readdirSync(directory).filter(name => !(name.endsWith('.meta') && sidecar.test(name)));
  if (names.length > ${mostFiles}) return undefined;
  names.sort();
  const numbers = new Float64Array(names.length * 2);
  const found = [];
  for (const name of names) {
    const stat = lstatSync(directory + '/' + name, isThere);
    if (stat === undefined) continue;
    if (stat.isDirectory() || stat.isSymbolicLink()) return undefined;
    if (!stat.isFile()) continue;
    numbers[found.length * 2] = stat.size;
    numbers[found.length * 2 + 1] = stat.mtimeMs;
    found.push(name);
  }
  return { names: found.join('/'), numbers };
}
parentPort.on('message', ({ above, name }) => {
  let found;
  try {
    found = look(above, name);
  } catch {}
  parentPort.postMessage({ found }, found === undefined ? [] : [found.numbers.buffer]);
});
`;
