/** The end of a backup: the last part, and the manifest of all parts. */
import type { Config } from '../../../config/index.ts';
import { backupLabelName, withIncrementalLines } from '../../../postgres/cluster/backup-label.ts';
import { tablespaceMapName } from '../../../postgres/cluster/tablespace-map.ts';
import type { StoppedBackup } from '../../../postgres/server/backup-control.ts';
import type { BackupRecord, StoredPiece } from '../../../repository/format/backup-record.ts';
import { comparePaths, encodeManifest } from '../../../repository/format/manifest.ts';
import {
  entryOfLastFile,
  fileOfText,
  makeBackupManifest,
  streamLastPart,
  type LastFile,
} from './last-part.ts';
import type { Span } from '../wal/span.ts';
import { mergeSorted } from '../collect/merge-sorted.ts';
import type { PartSet } from '../../../repository/sets/part-set.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import type { Inventory } from '../collect/inventory.ts';
import type { InventoryEntry } from '../collect/inventory-codec.ts';
import type { PartIndexer } from '../resume/part-indexer.ts';
import { Spool } from '../collect/spool.ts';

export interface EndingOptions {
  readonly id: string;
  readonly facts: BackupServerFacts;
  readonly set: PartSet;
  readonly config: Pick<Config, 'backup'>;
  /** What all parts so far have. */
  readonly inventory: Inventory;
  readonly indexer: PartIndexer | undefined;
  /** Undefined for a full backup. */
  readonly parent: Pick<BackupRecord, 'startLsn' | 'timeline'> | undefined;
  readonly capturedControl: LastFile;
  readonly stopped: StoppedBackup;
  readonly span: Span;
}

export interface Ending {
  readonly manifest: StoredPiece;
  readonly fileCount: number;
  readonly sizeBytes: number;
}

export async function writeEnding(options: EndingOptions): Promise<Ending> {
  const { id, config, facts, set, inventory, indexer, parent, capturedControl, stopped, span } = options;
  // PostgreSQL gives all its files one mode, 0600 or 0640 (data_directory_mode); pg_control shows which.
  const { mode } = capturedControl;
  const mtimeMs = Number(stopped.stopTimeMicros / 1000n);
  const label = parent === undefined ? stopped.labelFile : withIncrementalLines(stopped.labelFile, parent);
  const files = [capturedControl, fileOfText(backupLabelName, label, { mode, mtimeMs })];
  if (stopped.tablespaceMap !== undefined)
    files.push(fileOfText(tablespaceMapName, stopped.tablespaceMap, { mode, mtimeMs }));

  await using manifestSpool = await Spool.create();
  const { postgresMajor, systemId } = facts.controlFile;
  const server = { postgresMajor, systemId, walRanges: span.ranges };
  // PostgreSQL's manifest knows nothing of parts, so the number does not matter here.
  const covered = mergeSorted(inventory.copied(), entriesOf(files, 0));
  const manifestFile = await makeBackupManifest(manifestSpool, server, {
    entries: covered,
    checksums: config.backup.manifestChecksums,
    mode,
    mtimeMs,
  });
  files.push(manifestFile);

  const lastEntries = await set.writePart(part => ({
    stream: streamLastPart(files, facts.owner),
    content: entriesOf(files, part),
  }));
  const lastPart = set.parts.at(-1);
  if (lastPart !== undefined) await indexer?.note(lastPart, lastEntries.toSorted(byPath));
  const manifest = await set.writeManifest(() =>
    encodeManifest(id, mergeSorted(inventory.copied(), lastEntries)),
  );
  const sizeBytes = files.reduce((total, file) => total + file.sizeBytes, 0);
  return { manifest, fileCount: files.length, sizeBytes };
}

function byPath(a: InventoryEntry, b: InventoryEntry): number {
  return comparePaths(a.path, b.path);
}

function entriesOf(files: readonly LastFile[], part: number): InventoryEntry[] {
  return files.map(file => entryOfLastFile(file, part));
}
