/** The decision which parts of an interrupted backup are worth reading their files for. Pure. */
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import { wholePath } from '../../../postgres/cluster/incremental/file-name.ts';
import type { BackupEntry } from '../part/backup-entry.ts';

/**
 * True if the members of an earlier part may be what the server has now: the same files in the same order, none of them
 * gone, and none that shows a change from outside. It proves nothing; only their bytes do.
 * @param members what the server has now of the part's paths, in their order
 * @param entries what the part has
 * @param options.isSameHost On another host, such as a standby that has taken over, files have other times.
 */
export function mayBeUnchanged(
  members: readonly BackupEntry[],
  entries: readonly ManifestEntry[],
  { isSameHost }: { readonly isSameHost: boolean },
): boolean {
  return (
    members.length === entries.length &&
    entries.every((entry, index) => {
      const { path, type, mode, sizeBytes, mtimeMs } = members[index] ?? {};
      const whole = wholePath(entry.path);
      if (path !== (whole ?? entry.path) || type !== entry.type || mode !== entry.mode) return false;
      // A directory's time changes with every file that comes and goes.
      if (type === 'directory') return true;
      // An incremental file has a size of its own.
      return (
        (whole !== undefined || sizeBytes === entry.sizeBytes) && (!isSameHost || mtimeMs === entry.mtimeMs)
      );
    })
  );
}
