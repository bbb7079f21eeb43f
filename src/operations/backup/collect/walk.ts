/** The walk of the data directory: the files and directories that go into the parts of a backup. */
import { controlFilePath } from '../../../postgres/cluster/control-file.ts';
import { walkDataDirectory, type DataDirectoryEntry } from '../../../postgres/cluster/data-directory.ts';
import type { FollowedLink } from '../../../repository/format/backup-record.ts';
import { isExternalPath } from './external-files.ts';
import { wholeMs, type BackupEntry } from '../part/backup-entry.ts';
import type { Log } from '../../../observe/events/events.ts';

export interface Tablespace {
  readonly oid: number;
  readonly location: string;
  /** For a tablespace inside the data directory: its path there. */
  readonly insidePath?: string | undefined;
}

/** What the walk finds beside the entries. */
export interface WalkFindings {
  readonly tablespaces: Tablespace[];
  /** The first symbolic links whose data is in the backup. */
  readonly links: FollowedLink[];
}

/** The most links that are named in a backup record. */
const namedLinks = 100;

export interface WalkOptions {
  readonly dataDirectory: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Yields entries in the order of manifests. A tablespace appears as a directory, because PostgreSQL makes its link
 * anew from `tablespace_map`. Data behind another link appears where the link is: a copy has it in the data directory.
 * `global/pg_control` is left out, because it is read last.
 */
export async function* walkCluster(options: WalkOptions, found: WalkFindings): AsyncGenerator<BackupEntry> {
  const { dataDirectory, log, signal } = options;
  for await (const entry of walkDataDirectory(dataDirectory, signal)) {
    if (entry.path === controlFilePath || isExternalPath(entry.path)) continue;
    const { path, sizeBytes, mode, absolutePath } = entry;
    const mtimeMs = wholeMs(entry.mtimeMs);
    if (entry.type !== 'symlink') {
      if (entry.linkTarget !== undefined) noteLink(path, entry.linkTarget, found.links, log);
      yield { path, type: entry.type, sizeBytes, mode, mtimeMs, sourcePath: absolutePath };
      continue;
    }
    const tablespace = tablespaceOf(entry);
    if (tablespace === undefined) {
      log.emit({ kind: 'link-left-out', path });
      continue;
    }
    found.tablespaces.push(tablespace);
    yield { path, type: 'directory', sizeBytes: 0, mode: 0o700, mtimeMs, sourcePath: absolutePath };
  }
}

function noteLink(path: string, location: string, links: FollowedLink[], log: Log): void {
  if (links.length >= namedLinks) return;
  links.push({ path, location });
  log.emit({ kind: 'link-followed', path, location });
}

function tablespaceOf({ path, linkTarget, insidePath }: DataDirectoryEntry): Tablespace | undefined {
  const oid = /^pg_tblspc\/(\d+)$/.exec(path)?.[1];
  return oid === undefined || linkTarget === undefined
    ? undefined
    : { oid: Number(oid), location: linkTarget, ...(insidePath !== undefined && { insidePath }) };
}
