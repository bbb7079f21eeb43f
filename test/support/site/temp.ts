/** Scratch directories: owned by the unprivileged account, removed when the process ends. */
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onExit } from './on-exit.ts';
import { unprivilegedAccount } from './unprivileged.ts';

/**
 * Makes a directory of mode 0700 in the system's temporary directory. `keepOwner` leaves it to the calling user.
 * It is removed at process exit, so a test need not; one that fills much space may remove it earlier with `rm`.
 */
export function temporaryDirectory(label = 'test', options: { keepOwner?: boolean } = {}): string {
  const path = mkdtempSync(join(tmpdir(), `walvault-${label}-`));
  const account = options.keepOwner === true ? undefined : unprivilegedAccount();
  if (account !== undefined) chownSync(path, account.uid, account.gid);
  chmodSync(path, 0o700);
  onExit(() => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return path;
}
