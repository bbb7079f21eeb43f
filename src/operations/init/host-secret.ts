/** The secret with which a host reads its own earlier backups, made by `init`. */
import { systemCode } from '../../base/errors/errors.ts';
import { writeOwnFile } from '../../base/files/own-directory.ts';
import { newHostSecret } from '../../repository/encoding/host-secret.ts';

/**
 * Makes the file, mode 0600, unless it is there: that of an earlier run, or of another host of the same cluster, is used
 * again.
 */
export async function ensureHostSecret(path: string, onWritten: (path: string) => void): Promise<void> {
  try {
    await writeOwnFile(path, `${newHostSecret()}\n`, { mode: 0o600, as: 'create' });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    throw error;
  }
  onWritten(path);
}
