/** Names of files and directories that are still being made. */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';

/** A name that no key can have, in the directory of `file`: link(2) and rename(2) need the same file system. */
export function temporaryPath(file: string): string {
  return join(dirname(file), `.${randomBytes(8).toString('hex')}.walvault-tmp`);
}
