/** Reads what one repository holds of one system. Listings only, and the small records; never a private key. */
import { segmentNumber } from '../../postgres/wal/file-name.ts';
import {
  isBackupId,
  readCatalog,
  type BackupRecord,
  type Catalog,
} from '../../repository/format/backup-record.ts';
import { readClusterRecord } from '../../repository/format/cluster-record.ts';
import { parseJsonObject, readSmallObject } from '../../repository/format/json-object.ts';
import {
  backupsPrefix,
  claimKey,
  parseWalKey,
  timelinesPrefix,
  walPrefix,
  type SystemPath,
} from '../../repository/format/layout.ts';
import { readNotes, type Note } from '../../repository/format/notes/note.ts';
import type { Repository } from '../../repository/repository.ts';
import { readTimelineTree } from '../../repository/wal/timelines.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { KnownBackup, ParentClaim, Stored, SystemState, UnfinishedBackup, WalStretch } from './state.ts';

const claimLimitBytes = 64 * 1024;
const unknownParent: ParentClaim = { kind: 'unknown' };

export interface GatherOptions {
  /** True: an unpin or an announced removal by somebody untrusted is not believed. */
  readonly requiresTrust: boolean;
  readonly signal: AbortSignal;
}

/**
 * The catalogue is read before the backup directories: a backup that commits in between then looks unfinished and
 * fresh, and is protected.
 */
export async function gatherState(
  repository: Repository,
  system: SystemPath,
  { requiresTrust, signal }: GatherOptions,
): Promise<SystemState> {
  const catalog = await readCatalog(repository, system, signal);
  const directories = await listBackupDirectories(repository, system, signal);
  const cluster = await readClusterRecord(repository.store, system, signal);
  const segmentSizeBytes = cluster?.segmentSizeBytes ?? catalog.backups[0]?.record.segmentSizeBytes;
  const notes = await readNotes(repository, system, undefined, signal);
  return {
    systemId: system.systemId,
    segmentSizeBytes,
    backups: catalog.backups.map(entry => ({
      ...entry,
      ...storedOf(entry.record, directories.get(entry.record.id)),
    })),
    unreadable: await claimed(repository, system, catalog, directories, signal),
    unfinished: await findUnfinished(repository, system, catalog, directories, signal),
    tree: await readTimelineTree(repository, system, signal),
    historyTimes: await listHistoryTimes(repository, system, signal),
    ...(segmentSizeBytes === undefined
      ? { wal: [], segments: [] }
      : await listWal(repository, system, segmentSizeBytes, signal)),
    pinned: pinnedBackups(notes, requiresTrust),
    expiring: new Set(
      notes
        .filter(note => note.kind === 'expiring' && isBelieved(note, requiresTrust))
        .map(note => note.subject),
    ),
  };
}

interface BackupDirectory extends Stored {
  readonly sizes: Map<string, number>;
  lastModified: Date;
  firstModified: Date;
  storedBytes: number;
  objectCount: number;
}

/** By id. Names and sizes of one system's parts: a few thousand a terabyte. */
async function listBackupDirectories(
  { store }: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<Map<string, BackupDirectory>> {
  const directories = new Map<string, BackupDirectory>();
  const prefix = backupsPrefix(system);
  for await (const entry of store.list({ prefix, signal })) {
    if ('prefix' in entry) continue;
    const rest = entry.key.slice(prefix.length);
    const slash = rest.indexOf('/');
    const id = rest.slice(0, slash);
    if (slash === -1 || !isBackupId(id)) continue;
    const directory = directories.get(id) ?? {
      sizes: new Map<string, number>(),
      lastModified: entry.modified,
      firstModified: entry.modified,
      storedBytes: 0,
      objectCount: 0,
    };
    directory.sizes.set(rest.slice(slash + 1), entry.sizeBytes);
    directory.storedBytes += entry.sizeBytes;
    directory.objectCount += 1;
    if (entry.modified > directory.lastModified) directory.lastModified = entry.modified;
    if (entry.modified < directory.firstModified) directory.firstModified = entry.modified;
    directories.set(id, directory);
  }
  return directories;
}

function storedOf(
  record: BackupRecord,
  directory: BackupDirectory | undefined,
): Stored & Pick<KnownBackup, 'isComplete'> {
  const pieces = [record.manifest, ...record.parts];
  return {
    objectCount: directory?.objectCount ?? 0,
    storedBytes: directory?.storedBytes ?? 0,
    isComplete: pieces.every(piece => directory?.sizes.get(piece.name) === piece.storedSizeBytes),
  };
}

async function claimed(
  repository: Repository,
  system: SystemPath,
  catalog: Catalog,
  directories: ReadonlyMap<string, BackupDirectory>,
  signal: AbortSignal,
): Promise<SystemState['unreadable']> {
  const found: SystemState['unreadable'][number][] = [];
  for (const entry of catalog.unreadable) {
    const directory = directories.get(entry.id);
    found.push({
      ...entry,
      claim: await readParentClaim(repository, system, entry.id, signal),
      objectCount: directory?.objectCount ?? 0,
      storedBytes: directory?.storedBytes ?? 0,
    });
  }
  return found;
}

async function findUnfinished(
  repository: Repository,
  system: SystemPath,
  catalog: Catalog,
  directories: ReadonlyMap<string, BackupDirectory>,
  signal: AbortSignal,
): Promise<UnfinishedBackup[]> {
  const recorded = new Set([
    ...catalog.backups.map(({ record }) => record.id),
    ...catalog.unreadable.map(({ id }) => id),
  ]);
  const found: UnfinishedBackup[] = [];
  for (const [id, { objectCount, storedBytes, lastModified, firstModified }] of directories) {
    if (recorded.has(id)) continue;
    const claim = await readParentClaim(repository, system, id, signal);
    found.push({ id, claim, objectCount, storedBytes, lastModified, firstModified });
  }
  return found;
}

/** A claim is written before anything of the parent is relied on. */
export async function readParentClaim(
  { store }: Repository,
  system: SystemPath,
  id: string,
  signal: AbortSignal,
): Promise<ParentClaim> {
  if (!isBackupId(id)) return unknownParent;
  const key = claimKey(system, id);
  const data = await readSmallObject(store, key, { limitBytes: claimLimitBytes, signal });
  if (data === undefined) return unknownParent;
  try {
    const { parent } = parseJsonObject(data, `${store.url}: ${key}`);
    if (parent === undefined || parent === null) return { kind: 'none' };
    return typeof parent === 'string' ? { kind: 'named', parent } : unknownParent;
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return unknownParent;
    throw error;
  }
}

async function listHistoryTimes(
  { store }: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<Map<number, Date>> {
  const times = new Map<number, Date>();
  for await (const entry of store.list({ prefix: timelinesPrefix(system), signal })) {
    if ('prefix' in entry) continue;
    const parsed = parseWalKey(entry.key);
    if (parsed?.file.kind === 'history') times.set(parsed.file.timeline, entry.modified);
  }
  return times;
}

/** Folds the listing of `wal/`, which is ordered by timeline and position: memory grows with holes, not segments. */
async function listWal(
  { store }: Repository,
  system: SystemPath,
  segmentSizeBytes: number,
  signal: AbortSignal,
): Promise<Pick<SystemState, 'wal' | 'segments'>> {
  const wal: WalStretch[] = [];
  const segments: WalStretch[] = [];
  for await (const entry of store.list({ prefix: walPrefix(system), signal })) {
    const parsed = 'prefix' in entry ? undefined : parseWalKey(entry.key);
    if (parsed === undefined || 'prefix' in entry || parsed.file.kind === 'history') continue;
    const { timeline } = parsed.file;
    const position = segmentNumber(parsed.file, segmentSizeBytes);
    const one = { timeline, first: position, last: position, lastModified: entry.modified };
    extend(wal, one);
    if (parsed.kind === 'file' && parsed.file.kind === 'segment') extend(segments, one);
  }
  return { wal, segments };
}

function extend(stretches: WalStretch[], one: WalStretch): void {
  const last = stretches.at(-1);
  const isJoined =
    last !== undefined &&
    last.timeline === one.timeline &&
    (one.first === last.last || one.first === last.last + 1n);
  if (!isJoined) {
    stretches.push(one);
    return;
  }
  const lastModified = one.lastModified > last.lastModified ? one.lastModified : last.lastModified;
  stretches[stretches.length - 1] = { ...last, last: one.last, lastModified };
}

/** The last word of each backup counts; an untrusted one can only protect. */
function pinnedBackups(notes: readonly Note[], requiresTrust: boolean): Set<string> {
  const pinned = new Set<string>();
  for (const note of notes) {
    if (note.kind === 'pin') pinned.add(note.subject);
    if (note.kind === 'unpin' && isBelieved(note, requiresTrust)) pinned.delete(note.subject);
  }
  return pinned;
}

function isBelieved({ verdict }: Note, requiresTrust: boolean): boolean {
  return verdict.status === 'good' || (!requiresTrust && verdict.status !== 'bad');
}
