/** The walk of the data directory: the files and directories that go into the parts of a backup. */
import { controlFilePath } from '../../../postgres/cluster/control-file.ts';
import { walkDataDirectory, type DataDirectoryEntry } from '../../../postgres/cluster/data-directory.ts';
import { isExternalPath } from './external-files.ts';
import { wholeMs, type BackupEntry } from '../part/part-stream.ts';
import type { Log } from '../../../observe/events/events.ts';

export interface Tablespace {
  readonly oid: number;
  readonly location: string;
}

export interface WalkOptions {
  readonly dataDirectory: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Yields entries in the order of manifests. A tablespace appears as a directory, because PostgreSQL makes its link
 * anew from `tablespace_map`; `found` collects the tablespaces. `global/pg_control` is left out, because it is read
 * last.
 */
export async function* walkCluster(options: WalkOptions, found: Tablespace[]): AsyncGenerator<BackupEntry> {
  const { dataDirectory, log, signal } = options;
  for await (const entry of walkDataDirectory(dataDirectory, signal)) {
    if (entry.path === controlFilePath || isExternalPath(entry.path)) continue;
    const { path, sizeBytes, mode, absolutePath } = entry;
    const mtimeMs = wholeMs(entry.mtimeMs);
    if (entry.type !== 'symlink') {
      yield { path, type: entry.type, sizeBytes, mode, mtimeMs, sourcePath: absolutePath };
      continue;
    }
    const tablespace = tablespaceOf(entry);
    if (tablespace === undefined) {
      log.emit({ kind: 'link-left-out', path });
      continue;
    }
    found.push(tablespace);
    yield { path, type: 'directory', sizeBytes: 0, mode: 0o700, mtimeMs, sourcePath: absolutePath };
  }
}

function tablespaceOf({ path, linkTarget }: DataDirectoryEntry): Tablespace | undefined {
  const oid = /^pg_tblspc\/(\d+)$/.exec(path)?.[1];
  return oid === undefined || linkTarget === undefined
    ? undefined
    : { oid: Number(oid), location: linkTarget };
}
