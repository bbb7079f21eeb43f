/** The proof that a backup can read every file of a data directory, looked for before it begins. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutWaiting } from '../../base/files/read.ts';
import { nameOfUser } from '../../base/account.ts';
import { systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { classifyBackupPath } from './backup-selection.ts';
import { walkDataDirectory, type DataDirectoryEntry } from './data-directory.ts';

/**
 * Walks the data directory as a backup does. Foreign files, such as a core file of root's, are the usual reason.
 * @returns the number of files and directories
 * @throws WalvaultError `local-io` naming the first entry that this process may not read, its owner and the fix; what
 *   `walkDataDirectory` throws
 */
export async function requireReadable(dataDirectory: string, signal: AbortSignal): Promise<number> {
  const unreadable: DataDirectoryEntry[] = [];
  let count = 0;
  for await (const entry of walkDataDirectory(dataDirectory, signal)) {
    count++;
    if (!isRead(entry) || (await isReadable(entry))) continue;
    unreadable.push(entry);
    // The walk cannot enter it.
    if (entry.type === 'directory') break;
  }
  const [first, ...others] = unreadable;
  if (first === undefined) return count;
  throw await notReadable(dataDirectory, first, others.length);
}

function isRead({ path, type }: DataDirectoryEntry): boolean {
  return type === 'file' || (type === 'directory' && classifyBackupPath(path, type) === 'include');
}

/** Most files belong to this user and need no system call. */
async function isReadable({ absolutePath, type, ownerId, mode }: DataDirectoryEntry): Promise<boolean> {
  const ownerNeeds = type === 'directory' ? 0o500 : 0o400;
  if (ownerId === process.geteuid?.() && (mode & ownerNeeds) === ownerNeeds) return true;
  try {
    await (await open(absolutePath, withoutWaiting)).close();
    return true;
  } catch (error) {
    return systemCode(error) !== 'EACCES';
  }
}

async function notReadable(
  dataDirectory: string,
  { path, ownerId, mode }: DataDirectoryEntry,
  otherCount: number,
): Promise<WalvaultError> {
  const absolutePath = join(dataDirectory, path);
  const owner = await nameOfUser(ownerId);
  const reader = await nameOfUser(process.geteuid?.() ?? -1);
  const others =
    otherCount === 0 ? '' : `; ${otherCount} more ${otherCount === 1 ? 'file' : 'files'} likewise`;
  return new WalvaultError(
    'local-io',
    `${absolutePath} belongs to ${owner} (mode ${mode.toString(8).padStart(4, '0')}) and cannot be read by ${reader}${others}`,
    {
      hint: `A backup reads every file of the data directory. Move the file out of it, or give it to the user PostgreSQL runs as: chown ${reader} '${absolutePath}'.`,
    },
  );
}
