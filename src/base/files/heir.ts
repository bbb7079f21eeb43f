/**
 * The account to which root leaves a new file. A directory of PostgreSQL's user holds files of that user: one of root's
 * in between would be closed to the server.
 */
export interface Heir {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The owner and group for a new file in a directory with `owner`; undefined where the file stays the process's own:
 * only root can give files away.
 */
export function heirOf(owner: Heir, processUid = process.geteuid?.()): Heir | undefined {
  return processUid === 0 && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : undefined;
}
