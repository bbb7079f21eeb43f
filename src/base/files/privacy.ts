/** Whether a file with a secret is closed to others. */

/**
 * True by PostgreSQL's rule for its own keys (be-secure-common.c, check_ssl_key_file_permissions): a file of root's may
 * be read by its group, any other by its owner alone. A secret that is mounted into a container belongs to root.
 */
export function isPrivateFile({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  return (mode & (uid === 0 ? 0o037 : 0o077)) === 0;
}
