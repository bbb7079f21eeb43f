/**
 * The rights of new files and directories in a repository: whose they are, and whether its group may use them.
 *
 * What root writes belongs to the owner of the directory around it, because that account (PostgreSQL's, as a rule) must
 * read and remove it later. And a root directory with the set-group-id bit stands for several accounts of one group, as
 * in `git init --shared`: its group's rights hold for everything below it, whatever the umask.
 */
import { constants, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { mkdir, open, rename, rmdir, type OpenFile } from '../../base/files/calls.ts';
import { isThere } from '../../base/files/is-there.ts';
import { heirOf, type Heir } from '../../base/files/heir.ts';
import { StoreError } from '../store.ts';
import { holdWay, type HeldDirectory } from './held-directory.ts';
import { statIfThere } from './stat-if-there.ts';
import { temporaryName } from './temporary.ts';

export interface Rights {
  /** Undefined: the account of this process. */
  readonly owner: Heir | undefined;
  readonly directoryMode: number;
  readonly fileMode: number;
}

const setGroupId = 0o2000;
const privateFile = 0o600;
const privateDirectory = 0o700;

/** The rights of `key` and of the directories above it that are still to be made. @throws system errors */
export async function rightsFor(root: string, key: string): Promise<Rights> {
  const top = await statIfThere(root);
  const isShared = top !== undefined && (top.mode & setGroupId) !== 0;
  return {
    owner: await ownerFor(root, key),
    directoryMode: isShared ? setGroupId | privateDirectory | (top.mode & 0o070) : privateDirectory,
    // Objects are never rewritten: the group needs no right to write into a file.
    fileMode: isShared ? privateFile | (top.mode & 0o040) : privateFile,
  };
}

/** The deepest directory on the way that is not root's decides: root itself may have made those below it. */
async function ownerFor(root: string, key: string): Promise<Heir | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  let heir: Heir | undefined;
  await using way = await holdWay(root, dirname(key));
  for (const directory of way.directories) heir = heirOf(await directory.stat()) ?? heir;
  return heir;
}

/** Gives a new file its rights, before it has a name that others look for. @throws StoreError `denied`; system errors */
export async function giveFileRights(handle: OpenFile, { owner, fileMode }: Rights): Promise<void> {
  // Some network file systems have one fixed mode and refuse another: asked for only where the umask may matter.
  if (owner === undefined && fileMode === privateFile) return;
  const found = await handle.stat();
  if (owner !== undefined && !isOwnedBy(found, owner))
    await orRefuse(owner, handle.chown(owner.uid, owner.gid));
  if (fileMode !== privateFile && (found.mode & 0o777) !== fileMode) await handle.chmod(fileMode);
}

/**
 * Makes a directory that has its rights from the first moment, so that no other account meets a closed one, even if
 * this process dies here. @throws StoreError `denied`; system errors: perhaps EEXIST if it is there already
 */
export async function makeDirectory(
  above: HeldDirectory,
  name: string,
  { owner, directoryMode }: Rights,
): Promise<void> {
  const path = above.path(name);
  if (owner === undefined && directoryMode === privateDirectory) {
    await mkdir(path, privateDirectory);
    return;
  }
  // A rename would replace an empty directory, and fail on a link to a directory.
  if (await isThere(path)) return;
  const temporary = above.path(temporaryName());
  await mkdir(temporary, privateDirectory);
  try {
    await giveDirectoryRights(temporary, { owner, directoryMode });
    await rename(temporary, path);
  } catch (error) {
    await rmdir(temporary).catch(() => undefined);
    if (systemCode(error) !== 'ENOTEMPTY' && systemCode(error) !== 'EEXIST') throw error;
    // Another writer was quicker, and has put something into its directory.
  }
}

/**
 * By the open directory: under its name could by now be something else, to which root would change the rights.
 * @throws StoreError `denied`; system errors
 */
async function giveDirectoryRights(
  path: string,
  { owner, directoryMode }: Omit<Rights, 'fileMode'>,
): Promise<void> {
  await using handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const found = await handle.stat();
  if (found.uid !== process.geteuid?.())
    throw new StoreError('denied', `user ${found.uid} replaced a directory while it was being made`);
  if (owner !== undefined && !isOwnedBy(found, owner))
    await orRefuse(owner, handle.chown(owner.uid, owner.gid));
  // After chown, which may clear the set-group-id bit.
  await handle.chmod(directoryMode);
}

function isOwnedBy(found: Stats, owner: Heir): boolean {
  return found.uid === owner.uid && found.gid === owner.gid;
}

async function orRefuse(owner: Heir, change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (systemCode(error) !== 'EPERM' && systemCode(error) !== 'EINVAL') throw error;
    throw new StoreError(
      'denied',
      `this root may not give files to user ${owner.uid}, who owns the repository`,
      {
        cause: error,
        hint: 'Run this command as that user: files of root would be closed to it.',
      },
    );
  }
}
