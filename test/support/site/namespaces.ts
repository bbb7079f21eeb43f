/** Namespaces of processes, mounts and users, which a container or a chroot may refuse. */
import { spawnSync } from 'node:child_process';

/**
 * `options` of unshare, for the account with `ids`; default is the one that runs the tests.
 *
 * @throws Error for which a test is left out, where the kernel gives no such namespaces
 */
export function requireNamespaces(
  options: readonly string[],
  ids: { readonly uid?: number; readonly gid?: number } = {},
): void {
  const { status, stderr, error } = spawnSync('unshare', [...options, 'true'], { ...ids, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`needs namespaces: unshare ${options.join(' ')} (${error?.message ?? stderr.trim()})`);
}
