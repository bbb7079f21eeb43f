/** All of a backup but its last part: walks the cluster, cuts it into parts, writes them, and notes their files. */
import type { Config } from '../../../config/index.ts';
import { tap } from '../../../base/bytes/streams.ts';
import type { StartedBackup } from '../../../postgres/server/backup-control.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { newestLsn } from '../../../postgres/server/state.ts';
import { encodeManifestLine } from '../../../repository/format/manifest.ts';
import { findExternalFiles } from './external-files.ts';
import { mergeSorted } from './merge-sorted.ts';
import type { DamagedPage, PageCheckSettings } from '../part/page-check.ts';
import { streamPart, type PartContent } from '../part/part-stream.ts';
import type { PartSet } from '../../../repository/sets/part-set.ts';
import { cutIntoParts } from '../plan.ts';
import { openLocalFiles } from '../part/read-file.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import type { Spool } from './spool.ts';
import { walkCluster, type WalkFindings } from './walk.ts';
import type { Log } from '../../../observe/events/events.ts';

export interface CopyClusterOptions {
  readonly config: Pick<Config, 'backup'>;
  readonly connection: PgConnection;
  readonly facts: BackupServerFacts;
  readonly started: StartedBackup;
  readonly set: PartSet;
  /** Receives the manifest's lines, in order. */
  readonly spool: Spool;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface CopiedCluster extends WalkFindings {
  readonly fileCount: number;
  /** Plain bytes of all files. */
  readonly sizeBytes: number;
  readonly externalFiles: readonly string[];
  readonly damagedPageCount: number;
  /** The first damaged pages found. */
  readonly damagedPages: DamagedPage[];
}

const namedPages = 100;

export async function copyCluster(options: CopyClusterOptions): Promise<CopiedCluster> {
  const { config, connection, facts, set, spool, log, signal } = options;
  const { dataDirectory, controlFile, owner } = facts;
  if (!facts.showsConfigurationFiles) log.emit({ kind: 'configuration-files-unknown' });
  const open = openLocalFiles(owner);
  const external = await findExternalFiles(facts.configurationFiles, { dataDirectory, open, log });
  const found: WalkFindings = { tablespaces: [], links: [] };
  const walk = walkCluster({ dataDirectory, log, signal }, found);
  const entries = mergeSorted(walk, external.entries);
  const pages = pageCheckSettings(options);
  const { blockSizeBytes } = controlFile;
  const total = { fileCount: 0, sizeBytes: 0, damagedPageCount: 0 };
  const damagedPages: DamagedPage[] = [];

  for await (const members of cutIntoParts(entries, config.backup)) {
    const content = await set.writePart(part => {
      const read = { part, open, blockSizeBytes, pages, owner, log, signal };
      const { stream, content } = streamPart(members, read);
      return { stream: withProgress(stream, total, log), content };
    });
    await noteContent(content, spool, total);
    for (const page of content.damagedPages) noteDamagedPage(page, damagedPages, log);
    // A lost session has ended the backup on the server: fail now rather than after the last part.
    await connection.query('select 1');
  }
  return { ...total, ...found, externalFiles: external.paths, damagedPages };
}

function pageCheckSettings({
  config,
  facts,
  connection,
  started,
}: CopyClusterOptions): PageCheckSettings | undefined {
  const { dataChecksums, blockSizeBytes, relationSegmentBlocks } = facts.controlFile;
  if (!config.backup.checkPages || !dataChecksums) return undefined;
  return {
    blockSizeBytes,
    relationSegmentBlocks,
    startLsn: started.startLsn,
    currentLsn: () => newestLsn(connection, started.isStandby),
  };
}

type Totals = { fileCount: number; sizeBytes: number; damagedPageCount: number };

async function noteContent(content: PartContent, spool: Spool, total: Totals): Promise<void> {
  for (const entry of content.entries) {
    await spool.append(encodeManifestLine(entry));
    total.sizeBytes += entry.sizeBytes;
    if (entry.type === 'file') total.fileCount++;
  }
  total.damagedPageCount += content.damagedPages.length;
}

function withProgress(stream: AsyncIterable<Uint8Array>, total: Totals, log: Log) {
  let partBytes = 0;
  return tap(stream, chunk => {
    partBytes += chunk.length;
    log.emit({
      kind: 'progress',
      stage: 'backup',
      doneBytes: total.sizeBytes + partBytes,
      doneFiles: total.fileCount,
    });
  });
}

function noteDamagedPage(page: DamagedPage, damagedPages: DamagedPage[], log: Log): void {
  if (damagedPages.length >= namedPages) return;
  damagedPages.push(page);
  log.emit({ kind: 'page-damaged', path: page.path, page: page.page });
  if (damagedPages.length === namedPages)
    log.emit({ kind: 'damaged-pages-only-counted', namedCount: namedPages });
}
