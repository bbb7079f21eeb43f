/** The medium for a generated private key: where it is not mounted, the key would lie on the host's own disk. */
import { stat } from 'node:fs/promises';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';

/** Where people and desktops mount what they plug in (Filesystem Hierarchy Standard 3.0, 3.11 and 3.12; udisks). */
const mountPlaces = ['/media/', '/mnt/', '/run/media/'];

/** @throws WalvaultError `usage` if the directory does not exist, or is a place for mounts with nothing mounted */
export async function requireMedium(directory: string): Promise<void> {
  const place = await statOrUndefined(directory);
  if (place?.isDirectory() !== true)
    throw new WalvaultError('usage', `${directory}, for the private key, is not a directory`, {
      hint: 'Is its medium mounted? Make the directory if the key shall lie on this disk until you move it.',
    });
  const isMountPlace = mountPlaces.some(prefix => `${directory}/`.startsWith(prefix));
  if (isMountPlace && place.dev === (await stat('/')).dev)
    throw new WalvaultError(
      'usage',
      `nothing is mounted at ${directory}: the private key would lie on this host's disk`,
      { hint: 'Mount the medium, or name a directory elsewhere and move the key off this host yourself.' },
    );
}

async function statOrUndefined(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError('open', path, error);
  }
}
