/** All of a backup but its last part: walks the cluster, plans its parts, has them written, and notes their files. */
import type { Config } from '../../../config/index.ts';
import { each } from '../../../base/threads/each.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { DamagedPage } from '../../../repository/format/backup-record.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import { largestFirst, PartPlanner, type PlannedPart } from '../plan.ts';
import { PartMatcher, type MatchedParts } from '../resume/match-parts.ts';
import type { MissedPage, MissedPages, PartRules } from '../part/part-task.ts';
import { openLocalFiles } from '../part/read-file.ts';
import { takeOverPart } from '../resume/take-over.ts';
import { copyPart, type CopyRun } from './copy-part.ts';
import { CopyProgress } from './copy-progress.ts';
import { findExternalFiles } from './external-files.ts';
import type { Inventory } from './inventory.ts';
import { mergeSorted } from './merge-sorted.ts';
import { walkCluster, type WalkFindings } from './walk.ts';
import type { Log } from '../../../observe/events/events.ts';

export interface CopyClusterOptions extends Omit<CopyRun, 'progress'> {
  readonly config: Pick<Config, 'backup'>;
  readonly facts: BackupServerFacts;
}

export interface CopiedCluster extends WalkFindings {
  readonly fileCount: number;
  /** Plain bytes of all files. */
  readonly sizeBytes: number;
  /** The same, with relation files at their whole lengths. */
  readonly restoredSizeBytes: number;
  readonly externalFiles: readonly string[];
  readonly damagedPageCount: number;
  /** The first damaged pages found. */
  readonly damagedPages: DamagedPage[];
  /** What an audit of WAL summaries found. */
  readonly missed: MissedPages;
  /** The parts of the interrupted backup that were taken over. */
  readonly takenOver: { readonly partCount: number; readonly storedSizeBytes: number };
}

const namedPages = 100;

export async function copyCluster(options: CopyClusterOptions): Promise<CopiedCluster> {
  const { log, signal } = options;
  const listed = await listCluster(options);
  const copied = {
    fileCount: 0,
    sizeBytes: 0,
    restoredSizeBytes: 0,
    damagedPageCount: 0,
    damagedPages: [] as DamagedPage[],
  };
  const takenOver = { partCount: 0, storedSizeBytes: 0 };
  const missed = { count: 0, first: [] as MissedPage[] };
  const progress = new CopyProgress(listed.parts, log);
  // When a part has failed for good, the others end at once; the first error is the one that is thrown.
  const failed = new AbortController();
  const run = { ...options, signal: AbortSignal.any([signal, failed.signal]), progress };
  const rules = rulesFor(options);
  await each(listed.parts, options.writer.jobs, async part => {
    try {
      const taken = await takeOverPart(part, rules, run);
      if (taken !== undefined) {
        takenOver.partCount++;
        takenOver.storedSizeBytes += taken.part.storedSizeBytes;
      }
      const { content, damaged, missed: missedHere } = taken ?? (await copyPart(part, rules, run));
      missed.count += missedHere.count;
      if (missed.first.length < namedPages) missed.first.push(...missedHere.first);
      for (const { sizeBytes, relationBytes, sha256 } of content.copied) {
        copied.sizeBytes += sizeBytes;
        copied.restoredSizeBytes += relationBytes ?? sizeBytes;
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
  return { ...copied, missed, takenOver, tablespaces, links, externalFiles };
}

/** Lists the cluster in the inventory, and plans the parts. */
async function listCluster(
  options: CopyClusterOptions,
): Promise<WalkFindings & { readonly parts: PlannedPart[]; readonly externalFiles: readonly string[] }> {
  const { config, facts, inventory, earlier, indexer, log, signal } = options;
  const { dataDirectory, owner } = facts;
  if (!facts.showsConfigurationFiles) log.emit({ kind: 'configuration-files-unknown' });
  const open = openLocalFiles(owner);
  const external = await findExternalFiles(facts.configurationFiles, { dataDirectory, open, log });
  const found: WalkFindings = { tablespaces: [], links: [] };
  const planner = new PartPlanner(config.backup);
  const matcher = earlier && (await PartMatcher.create(earlier));
  for await (const entry of mergeSorted(
    walkCluster({ dataDirectory, log, signal }, found),
    external.entries,
  )) {
    await inventory.add(entry);
    if (matcher === undefined) planner.add(entry);
    else matcher.add(entry);
  }
  const matched = await matcher?.finish(inventory);
  if (matched !== undefined) {
    for (const part of matched.changed) indexer?.forget(part);
    await planUnmatched(planner, inventory, matched);
  }
  const parts = largestFirst([...(matched?.parts ?? []), ...planner.finish()]);
  return { ...found, parts, externalFiles: external.paths };
}

async function planUnmatched(
  planner: PartPlanner,
  inventory: Inventory,
  matched: MatchedParts,
): Promise<void> {
  let number = 0;
  for await (const entry of inventory.listed())
    if (matched.has(number++)) planner.skip();
    else planner.add(entry);
}

function rulesFor({ config, facts, writer, indexer, named }: CopyClusterOptions): PartRules {
  const { blockSizeBytes, relationSegmentBlocks } = facts.controlFile;
  const { checkPages, manifestChecksums, bytesPerSecond } = config.backup;
  return {
    blockSizeBytes,
    relationSegmentBlocks,
    pages: checkPages && facts.dataChecksums ? { blockSizeBytes, relationSegmentBlocks } : undefined,
    withCrc32c: manifestChecksums === 'crc32c',
    owner: facts.owner,
    digestsOf: indexer?.system,
    audit: named?.audit,
    bytesPerSecond: bytesPerSecond === undefined ? undefined : bytesPerSecond / writer.jobs,
  };
}

function noteDamagedPage(page: DamagedPage, damagedPages: DamagedPage[], log: Log): void {
  if (damagedPages.length >= namedPages) return;
  damagedPages.push(page);
  log.emit({ kind: 'page-damaged', path: page.path, page: page.page });
  if (damagedPages.length === namedPages)
    log.emit({ kind: 'damaged-pages-only-counted', namedCount: namedPages });
}
