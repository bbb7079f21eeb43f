/** The paths of relation files in a data directory, as manifests have them. */
import { isDatabaseDirectory } from './backup-selection.ts';
import { parseRelationFile } from './relation-file.ts';

/** True for a file of a relation, in any fork: only these consist of pages with checksums. */
export function isRelationFile(path: string): boolean {
  const parts = path.split('/');
  const isInPlace = (parts.length === 2 && parts[0] === 'global') || isDatabaseDirectory(parts.slice(0, -1));
  return isInPlace && parseRelationFile(parts.at(-1) ?? '') !== undefined;
}

/** The number of the gigabyte that a file of a relation holds, from 0. */
export function segmentOfRelation(path: string): number {
  return parseRelationFile(path.slice(path.lastIndexOf('/') + 1))?.segment ?? 0;
}
