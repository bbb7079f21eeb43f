/** The user for whom root restores. PostgreSQL does not run as root, and could not use files of root's. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { findAccount, groupsOf } from '../../operations/init/ownership.ts';

/**
 * When run as root, becomes `owner` for the rest of the process, before configuration and keys are read: the restored
 * server will read them as that user.
 * @throws WalvaultError `refused` as root without an owner, `usage` for an unknown owner
 */
export async function becomeServerUser(
  owner: string | undefined,
  { mayStayRoot, signal }: { readonly mayStayRoot: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const account = owner === undefined ? undefined : await findAccount(owner, signal);
  if (process.geteuid?.() !== 0) {
    if (account === undefined || account.uid === process.geteuid?.()) return;
    throw new WalvaultError('usage', `only root can restore as ${account.name}`);
  }
  if (account === undefined) {
    if (mayStayRoot) return;
    throw new WalvaultError('refused', 'running as root: the restored files would belong to root', {
      hint: 'Run it as the user that runs PostgreSQL, or add --owner postgres.',
    });
  }
  // With the other groups of the account, too: one of them may be what opens a shared repository to it.
  process.setgroups?.([account.gid, ...(await groupsOf(account.name, signal))]);
  process.setgid?.(account.gid);
  process.setuid?.(account.uid);
}
