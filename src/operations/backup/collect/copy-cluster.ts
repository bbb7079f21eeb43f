/** All of a backup but its last part: walks the cluster, plans its parts, has them written, and notes their files. */
import type { Config } from '../../../config/index.ts';
import { each } from '../../../base/threads/each.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { fromPlainError } from '../../../base/errors/plain-error.ts';
import type { StartedBackup } from '../../../postgres/server/backup-control.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { hasDataChecksums, newestLsn } from '../../../postgres/server/state.ts';
import type { DamagedPage } from '../../../repository/format/backup-record.ts';
import type { PartSet } from '../../../repository/sets/part-set.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import { PartPlanner, type PlannedPart } from '../plan.ts';
import { damagedAmong } from '../part/page-check.ts';
import type { PartRules, PartWriter, WrittenPart } from '../part/part-task.ts';
import { openLocalFiles } from '../part/read-file.ts';
import { CopyProgress } from './copy-progress.ts';
import { findExternalFiles } from './external-files.ts';
import type { Inventory } from './inventory.ts';
import { mergeSorted } from './merge-sorted.ts';
import { walkCluster, type WalkFindings } from './walk.ts';
import type { Log } from '../../../observe/events/events.ts';

export interface CopyClusterOptions {
  readonly config: Pick<Config, 'backup'>;
  readonly connection: PgConnection;
  readonly facts: BackupServerFacts;
  readonly started: StartedBackup;
  readonly set: PartSet;
  readonly writer: PartWriter;
  /** Receives all entries, and what became of each. */
  readonly inventory: Inventory;
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
  const { log, signal } = options;
  const listed = await listCluster(options);
  const copied = { fileCount: 0, sizeBytes: 0, damagedPageCount: 0, damagedPages: [] as DamagedPage[] };
  const progress = new CopyProgress(listed.parts, log);
  // When a part has failed for good, the others end at once; the first error is the one that is thrown.
  const failed = new AbortController();
  const run = { ...options, signal: AbortSignal.any([signal, failed.signal]), progress };
  const rules = rulesFor(options);
  await each(listed.parts, options.writer.jobs, async part => {
    try {
      const { content, damaged } = await copyPart(part, rules, run);
      for (const { sizeBytes, sha256 } of content.copied) {
        copied.sizeBytes += sizeBytes;
        if (sha256 !== undefined) copied.fileCount++;
      }
      copied.damagedPageCount += damaged.length;
      for (const page of damaged) noteDamagedPage(page, copied.damagedPages, log);
    } catch (error) {
      failed.abort(new WalvaultError('interrupted', 'another part of the backup failed'));
      throw error;
    }
  });
  const { tablespaces, links, externalFiles } = listed;
  // The order of the threads must not show.
  copied.damagedPages.sort((a, b) => (a.path === b.path ? a.page - b.page : a.path < b.path ? -1 : 1));
  return { ...copied, tablespaces, links, externalFiles };
}

/** Lists the cluster in the inventory, and plans the parts. */
async function listCluster(
  options: CopyClusterOptions,
): Promise<WalkFindings & { readonly parts: PlannedPart[]; readonly externalFiles: readonly string[] }> {
  const { config, facts, inventory, log, signal } = options;
  const { dataDirectory, owner } = facts;
  if (!facts.showsConfigurationFiles) log.emit({ kind: 'configuration-files-unknown' });
  const open = openLocalFiles(owner);
  const external = await findExternalFiles(facts.configurationFiles, { dataDirectory, open, log });
  const found: WalkFindings = { tablespaces: [], links: [] };
  const planner = new PartPlanner(config.backup);
  for await (const entry of mergeSorted(
    walkCluster({ dataDirectory, log, signal }, found),
    external.entries,
  )) {
    planner.add(entry);
    await inventory.add(entry);
  }
  return { ...found, parts: planner.finish(), externalFiles: external.paths };
}

function rulesFor({ config, facts, writer }: CopyClusterOptions): PartRules {
  const { blockSizeBytes, relationSegmentBlocks } = facts.controlFile;
  const { checkPages, manifestChecksums, bytesPerSecond } = config.backup;
  return {
    blockSizeBytes,
    pages: checkPages && facts.dataChecksums ? { blockSizeBytes, relationSegmentBlocks } : undefined,
    withCrc32c: manifestChecksums === 'crc32c',
    owner: facts.owner,
    bytesPerSecond: bytesPerSecond === undefined ? undefined : bytesPerSecond / writer.jobs,
  };
}

interface CopyRun extends CopyClusterOptions {
  readonly progress: CopyProgress;
}

async function copyPart(
  { entries: numbers }: PlannedPart,
  rules: PartRules,
  { set, writer, inventory, connection, started, progress, log, signal }: CopyRun,
): Promise<{ readonly content: WrittenPart; readonly damaged: DamagedPage[] }> {
  const members = await inventory.members(numbers);
  const part = progress.begin();
  const content = await set.placePart(async ({ number, key }) => {
    const destinations = set.destinations.terms();
    const task = { ...rules, key, members, destinations };
    const written = await writer.write(task, { log, signal, onBytes: part.onBytes });
    for (const { name, failure } of written.leftOut) set.destinations.leaveOut(name, fromPlainError(failure));
    await inventory.note({ numbers, part: number, copied: written.copied });
    return { stored: written.stored, plainSizeBytes: written.plainSizeBytes, content: written };
  }, signal);
  part.end(content.plainSizeBytes, content.copied.length);
  // A lost session has ended the backup on the server: fail now rather than after the last part.
  await connection.query('select 1');
  return { content, damaged: await damagedIn(content, connection, started) };
}

async function damagedIn(
  { suspects }: WrittenPart,
  connection: PgConnection,
  { startLsn, isStandby }: StartedBackup,
): Promise<DamagedPage[]> {
  if (suspects.length === 0 || !(await hasDataChecksums(connection))) return [];
  return damagedAmong(suspects, { startLsn, currentLsn: await newestLsn(connection, isStandby) });
}

function noteDamagedPage(page: DamagedPage, damagedPages: DamagedPage[], log: Log): void {
  if (damagedPages.length >= namedPages) return;
  damagedPages.push(page);
  log.emit({ kind: 'page-damaged', path: page.path, page: page.page });
  if (damagedPages.length === namedPages)
    log.emit({ kind: 'damaged-pages-only-counted', namedCount: namedPages });
}
