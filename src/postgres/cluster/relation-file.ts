/** Names of relation files (relpath.c): `16384`, `16384_fsm`, `16384_init`, `16384.1`; temporary ones `t3_16384`. */
export type Fork = 'main' | 'fsm' | 'vm' | 'init';

export interface RelationFile {
  relfilenode: number;
  fork: Fork;
  /** 0 for the first gigabyte. */
  segment: number;
}

/** The file of a permanent or unlogged relation; undefined for any other name. */
export function parseRelationFile(name: string): RelationFile | undefined {
  const match = /^([1-9]\d{0,9})(?:_(fsm|vm|init))?(?:\.([1-9]\d{0,9}))?$/.exec(name);
  if (match === null || Number(match[1]) > 0xffff_ffff) return undefined;
  return {
    relfilenode: Number(match[1]),
    fork: (match[2] as Fork | undefined) ?? 'main',
    segment: Number(match[3] ?? 0),
  };
}

/**
 * True for a file of a session's temporary table (reinit.c, looks_like_temp_rel_name), which is useless after a
 * restart.
 */
export function isTemporaryRelation(name: string): boolean {
  return /^t\d+_\d+(_(fsm|vm|init))?(\.\d+)?$/.test(name);
}

/**
 * The unlogged relations among the files of one directory: those with an init fork. Only the init fork belongs in a
 * backup; recovery makes the other files from it (reinit.c).
 */
export function unloggedRelations(namesInOneDirectory: Iterable<string>): Set<number> {
  const unlogged = new Set<number>();
  for (const name of namesInOneDirectory) {
    const file = parseRelationFile(name);
    if (file?.fork === 'init') unlogged.add(file.relfilenode);
  }
  return unlogged;
}
