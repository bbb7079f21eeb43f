/** All of a backup but its last part: walks the cluster, plans its parts, has them written, and notes their files. */
import type { Config } from '../../../config/index.ts';
import { each } from '../../../base/threads/each.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { fromPlainError } from '../../../base/errors/plain-error.ts';
import type { StartedBackup } from '../../../postgres/server/backup-control.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import type { BackupPart, DamagedPage } from '../../../repository/format/backup-record.ts';
import type { PartSet } from '../../../repository/sets/part-set.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import { largestFirst, PartPlanner, type PlannedPart } from '../plan.ts';
import type { EarlierParts } from '../resume/earlier-parts.ts';
import { PartMatcher, type MatchedParts } from '../resume/match-parts.ts';
import type { PartIndexer } from '../resume/part-indexer.ts';
import type { BackupEntry, CopiedEntry } from '../part/backup-entry.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import type { PartRules, PartWriter, ProvenPart } from '../part/part-task.ts';
import { openLocalFiles } from '../part/read-file.ts';
import { judgeSuspects } from './judge-suspects.ts';
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
  /** The parts of the interrupted backup that this one goes on with. */
  readonly earlier: EarlierParts | undefined;
  /** Undefined: this host has no secret. */
  readonly indexer: PartIndexer | undefined;
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
  /** The parts of the interrupted backup that were taken over. */
  readonly takenOver: { readonly partCount: number; readonly storedSizeBytes: number };
}

const namedPages = 100;

export async function copyCluster(options: CopyClusterOptions): Promise<CopiedCluster> {
  const { log, signal } = options;
  const listed = await listCluster(options);
  const copied = { fileCount: 0, sizeBytes: 0, damagedPageCount: 0, damagedPages: [] as DamagedPage[] };
  const takenOver = { partCount: 0, storedSizeBytes: 0 };
  const progress = new CopyProgress(listed.parts, log);
  // When a part has failed for good, the others end at once; the first error is the one that is thrown.
  const failed = new AbortController();
  const run = { ...options, signal: AbortSignal.any([signal, failed.signal]), progress };
  const rules = rulesFor(options);
  await each(listed.parts, options.writer.jobs, async part => {
    try {
      const earlier = await takeOverPart(part, rules, run);
      if (earlier !== undefined) {
        takenOver.partCount++;
        takenOver.storedSizeBytes += earlier.part.storedSizeBytes;
      }
      const { content, damaged } = earlier ?? (await copyPart(part, rules, run));
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
  return { ...copied, takenOver, tablespaces, links, externalFiles };
}

/** Lists the cluster in the inventory, and plans the parts. */
async function listCluster(
  options: CopyClusterOptions,
): Promise<WalkFindings & { readonly parts: PlannedPart[]; readonly externalFiles: readonly string[] }> {
  const { config, facts, inventory, earlier, log, signal } = options;
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
  if (matched !== undefined) await planUnmatched(planner, inventory, matched);
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

interface CopiedPart {
  readonly content: ProvenPart;
  readonly damaged: DamagedPage[];
}

/**
 * Takes over the part of the interrupted backup, if its files are proven to be what the server has now. Undefined: the part
 * is to be written.
 */
async function takeOverPart(
  { entries: numbers, earlier: index }: PlannedPart,
  rules: PartRules,
  { set, writer, inventory, earlier, indexer, connection, started, progress, log, signal }: CopyRun,
): Promise<(CopiedPart & { readonly part: BackupPart }) | undefined> {
  const part = index === undefined ? undefined : earlier?.list[index]?.part;
  if (part === undefined || index === undefined || earlier === undefined) return undefined;
  const members = await inventory.members(numbers);
  const entries = await earlier.entriesOf(index);
  const shown = progress.begin();
  const sha256 = entries.map(entry => entry.sha256);
  const proven = await writer.prove({ ...rules, members, sha256 }, { log, signal, onBytes: shown.onBytes });
  if (proven === undefined) {
    shown.cancel();
    return undefined;
  }
  // Times and permissions are told as the part has them, so that whoever unpacks it by hand gets the same.
  const copied = proven.copied.map(one => {
    const { mode, mtimeMs } = entries[one.member] ?? one;
    return { ...one, mode, mtimeMs };
  });
  await inventory.note({ numbers, part: part.number, copied });
  set.adopt(part);
  indexer?.count(part);
  shown.end(part.plainSizeBytes ?? 0, copied.length);
  await connection.query('select 1');
  return {
    part,
    content: { ...proven, copied },
    damaged: await judgeSuspects(proven.suspects, connection, started),
  };
}

async function copyPart(
  { entries: numbers }: PlannedPart,
  rules: PartRules,
  { set, writer, inventory, indexer, connection, started, progress, log, signal }: CopyRun,
): Promise<CopiedPart> {
  const members = await inventory.members(numbers);
  const part = progress.begin();
  const content = await set.placePart(async ({ number, key }) => {
    const destinations = set.destinations.terms();
    const task = { ...rules, key, members, destinations };
    const written = await writer.write(task, { log, signal, onBytes: part.onBytes });
    for (const { name, failure } of written.leftOut) set.destinations.leaveOut(name, fromPlainError(failure));
    await inventory.note({ numbers, part: number, copied: written.copied });
    const { stored, plainSizeBytes, copied } = written;
    const piece = set.pieceOf(key, { stored, plainSizeBytes });
    await indexer?.note({ number, ...piece }, manifestEntries(members, copied, number));
    return { stored, plainSizeBytes, content: written };
  }, signal);
  part.end(content.plainSizeBytes, content.copied.length);
  // A lost session has ended the backup on the server: fail now rather than after the last part.
  await connection.query('select 1');
  return { content, damaged: await judgeSuspects(content.suspects, connection, started) };
}

function manifestEntries(
  members: readonly BackupEntry[],
  copied: readonly CopiedEntry[],
  part: number,
): ManifestEntry[] {
  return copied.flatMap(({ member, crc32c: _crc32c, ...entry }) => {
    const { path, type } = members[member] ?? {};
    return path === undefined || type === undefined
      ? []
      : { path, type, ...entry, ...(type === 'file' && { part }) };
  });
}

function noteDamagedPage(page: DamagedPage, damagedPages: DamagedPage[], log: Log): void {
  if (damagedPages.length >= namedPages) return;
  damagedPages.push(page);
  log.emit({ kind: 'page-damaged', path: page.path, page: page.page });
  if (damagedPages.length === namedPages)
    log.emit({ kind: 'damaged-pages-only-counted', namedCount: namedPages });
}
