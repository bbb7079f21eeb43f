/** The names under which incremental backups have relation files: `base/5/INCREMENTAL.16384.1` for `base/5/16384.1`. */
import { parseRelationFile } from '../relation-file.ts';
import { isRelationFile } from '../relation-path.ts';

const prefix = 'INCREMENTAL.';

/** True for the main fork of a relation, which alone is stored by blocks: the other forks are always whole. */
export function isMainFork(path: string): boolean {
  return isRelationFile(path) && parseRelationFile(path.slice(path.lastIndexOf('/') + 1))?.fork === 'main';
}

/** @param path that of a main fork */
export function incrementalPath(path: string): string {
  if (!isMainFork(path)) throw new TypeError(`${path} is not the main fork of a relation`);
  const nameAt = path.lastIndexOf('/') + 1;
  return `${path.slice(0, nameAt)}${prefix}${path.slice(nameAt)}`;
}

/** The path of the file that this one has blocks of; undefined for any other file. */
export function wholePath(path: string): string | undefined {
  const nameAt = path.lastIndexOf('/') + 1;
  if (!path.startsWith(prefix, nameAt)) return undefined;
  const whole = `${path.slice(0, nameAt)}${path.slice(nameAt + prefix.length)}`;
  return isMainFork(whole) ? whole : undefined;
}
