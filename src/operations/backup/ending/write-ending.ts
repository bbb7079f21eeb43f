/** The end of a backup: the last part, and the manifest of all parts. */
import { readLines } from '../../../base/bytes/lines.ts';
import { backupLabelName } from '../../../postgres/cluster/backup-label.ts';
import { tablespaceMapName } from '../../../postgres/cluster/tablespace-map.ts';
import type { StoppedBackup } from '../../../postgres/server/backup-control.ts';
import type { StoredPiece } from '../../../repository/format/backup-record.ts';
import {
  decodeManifestLine,
  encodeManifest,
  manifestName,
  type ManifestEntry,
} from '../../../repository/format/manifest.ts';
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
import { Spool } from '../collect/spool.ts';

export interface EndingOptions {
  readonly id: string;
  readonly facts: BackupServerFacts;
  readonly set: PartSet;
  /** Manifest lines of all parts so far. */
  readonly spool: Spool;
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
  const { id, facts, set, spool, capturedControl, stopped, span } = options;
  // PostgreSQL gives all its files one mode, 0600 or 0640 (data_directory_mode); pg_control shows which.
  const { mode } = capturedControl;
  const mtimeMs = Number(stopped.stopTimeMicros / 1000n);
  const files = [capturedControl, fileOfText(backupLabelName, stopped.labelFile, { mode, mtimeMs })];
  if (stopped.tablespaceMap !== undefined)
    files.push(fileOfText(tablespaceMapName, stopped.tablespaceMap, { mode, mtimeMs }));

  await using manifestSpool = await Spool.create();
  const { postgresMajor, systemId } = facts.controlFile;
  const server = { postgresMajor, systemId, walRanges: span.ranges };
  // PostgreSQL's manifest knows nothing of parts, so the number does not matter here.
  const covered = mergeSorted(readSpool(spool), entriesOf(files, 0));
  files.push(await makeBackupManifest(manifestSpool, server, { entries: covered, mode, mtimeMs }));

  const lastEntries = await set.writePart(part => ({
    stream: streamLastPart(files, facts.owner),
    content: entriesOf(files, part),
  }));
  const manifest = await set.writeManifest(() =>
    encodeManifest(id, mergeSorted(readSpool(spool), lastEntries)),
  );
  const sizeBytes = files.reduce((total, file) => total + file.sizeBytes, 0);
  return { manifest, fileCount: files.length, sizeBytes };
}

function entriesOf(files: readonly LastFile[], part: number): ManifestEntry[] {
  return files.map(file => entryOfLastFile(file, part));
}

async function* readSpool(spool: Spool): AsyncGenerator<ManifestEntry> {
  for await (const line of readLines(spool.read(), manifestName)) yield decodeManifestLine(line);
}
