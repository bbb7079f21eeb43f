/** Names of files and directories that are still being made. */
import { randomBytes } from 'node:crypto';

/** A name that no key can have, for the directory of the target: link(2) and rename(2) need the same file system. */
export function temporaryName(): string {
  return `.${randomBytes(8).toString('hex')}.walvault-tmp`;
}
