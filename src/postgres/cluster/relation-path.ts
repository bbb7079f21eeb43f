/** The paths of relation files in a data directory, as manifests have them. */
import { isDatabaseDirectory } from './backup-selection.ts';
import { parseRelationFile, type RelationFile } from './relation-file.ts';

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

/** A file of a relation by the numbers that WAL has of it. */
export interface RelationPlace extends Pick<RelationFile, 'fork' | 'segment'> {
  readonly tablespace: number;
  /** 0 for a relation that all databases share. */
  readonly database: number;
  readonly relation: number;
}

/** Of pg_tablespace.dat: the OIDs of pg_default and pg_global. */
const defaultTablespace = 1663;
const globalTablespace = 1664;

/** Undefined for a path that is not that of a relation file. */
export function placeOfRelation(path: string): RelationPlace | undefined {
  const parts = path.split('/');
  const file = isRelationFile(path) ? parseRelationFile(parts.at(-1) ?? '') : undefined;
  if (file === undefined) return undefined;
  const { relfilenode: relation, fork, segment } = file;
  if (parts[0] === 'global') return { tablespace: globalTablespace, database: 0, relation, fork, segment };
  const tablespace = parts[0] === 'base' ? defaultTablespace : Number(parts[1]);
  return { tablespace, database: Number(parts.at(-2)), relation, fork, segment };
}
