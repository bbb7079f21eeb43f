/** Drops root's privileges while a function runs, so that a test run by root can meet "permission denied". */
import { unprivilegedAccount } from './unprivileged.ts';

/** The whole process changes its effective user until `work` ends: nothing else may run beside it. */
export async function withoutPrivileges(work: () => Promise<void>): Promise<void> {
  const account = unprivilegedAccount();
  if (account === undefined) {
    await work();
    return;
  }
  process.setegid?.(account.gid);
  process.seteuid?.(account.uid);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
