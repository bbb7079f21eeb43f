/** The decisions of a copy that need only names and sizes. Pure. */
import {
  restoredPiecesOf,
  type BackupRecord,
  type StoredPiece,
} from '../../repository/format/backup-record.ts';
import {
  parseNoteKey,
  parseWalKey,
  pieceKey,
  walKey,
  type SystemPath,
} from '../../repository/format/layout.ts';
import { outdatedHighWater, type HighWater } from '../../repository/format/notes/high-water.ts';
import type { NoteKind } from '../../repository/format/notes/note.ts';
import { neededSegments } from '../../repository/wal/needed.ts';
import { contains, segmentsIn, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { ListEntry } from '../../stores/store.ts';
import type { StoredDigest } from '../copy-object.ts';

export interface Pair {
  readonly key: string;
  readonly sizeBytes: number;
  /** Undefined: the target does not have the key. */
  readonly targetSizeBytes: number | undefined;
}

/**
 * The keys of the source, each with the size of the target's object. Both listings are in key order; one entry of
 * each is held.
 */
export async function* joinListings(
  source: AsyncIterable<ListEntry>,
  target: AsyncIterable<ListEntry>,
): AsyncGenerator<Pair> {
  const others = target[Symbol.asyncIterator]();
  try {
    let other = await others.next();
    for await (const entry of source) {
      if ('prefix' in entry) continue;
      const { key, sizeBytes } = entry;
      while (other.done !== true && nameOf(other.value) < key) other = await others.next();
      const found = other.done !== true && 'key' in other.value && other.value.key === key;
      yield {
        key,
        sizeBytes,
        targetSizeBytes: found && 'key' in other.value ? other.value.sizeBytes : undefined,
      };
    }
  } finally {
    await others.return?.();
  }
}

function nameOf(entry: ListEntry): string {
  return 'key' in entry ? entry.key : entry.prefix;
}

export interface BackupPiece {
  readonly key: string;
  readonly digest: StoredDigest;
}

/** The parts, then the manifest: where there is a manifest, there are the parts it names. */
export function keyedPiecesOf(system: SystemPath, record: BackupRecord): BackupPiece[] {
  return Array.from(restoredPiecesOf(record), piece => keyedPiece(system, record, piece));
}

export function keyedPiece(system: SystemPath, { id }: BackupRecord, piece: StoredPiece): BackupPiece {
  return {
    key: pieceKey(system, id, piece),
    digest: { sha256: piece.storedSha256, sizeBytes: piece.storedSizeBytes },
  };
}

/** The keys of the segments that make a backup consistent. */
export function* neededKeys(system: SystemPath, record: BackupRecord): Generator<string> {
  for (const { timeline, segment } of segmentsIn(neededSegments(record)))
    yield walKey(system, record.geometry.fileOf(timeline, segment));
}

/** A backup and all backups it builds on, the oldest first. A parent that is not in the catalogue is left out. */
export function withParents(id: string, records: ReadonlyMap<string, BackupRecord>): BackupRecord[] {
  const chain: BackupRecord[] = [];
  let record = records.get(id);
  while (record !== undefined && !chain.includes(record)) {
    chain.unshift(record);
    record = record.parent === undefined ? undefined : records.get(record.parent);
  }
  return chain;
}

export function isWalKey(key: string): boolean {
  return parseWalKey(key) !== undefined;
}

const kindsOnWal: readonly NoteKind[] = ['gap-acknowledged', 'wal-lost', 'restore-point'];
const kindsOnBackups: readonly NoteKind[] = ['pin', 'unpin', 'note', 'anomaly'];

/**
 * True for a note that holds in every repository. A note on what one repository has removed, is removing or has
 * verified says nothing about another.
 */
export function isCopiedNote(key: string, { onWalOnly }: { readonly onWalOnly: boolean }): boolean {
  const kind = parseNoteKey(key)?.kind;
  return [...kindsOnWal, ...(onWalOnly ? [] : kindsOnBackups)].some(copied => copied === kind);
}

/**
 * The keys of the high-water notes that tell the target something: the highest one of each timeline. A note on WAL that
 * the source has removed is left out, because it would be missing WAL in the target, which never removed it.
 */
export function tellingHighWater(
  source: readonly HighWater[],
  removed: readonly SegmentRange[],
  target: readonly HighWater[],
): string[] {
  const outdated = new Set(outdatedHighWater(source, [...source, ...target]).map(({ key }) => key));
  return source
    .filter(({ key }) => !outdated.has(key) && !target.some(note => note.key === key))
    .filter(note => !removed.some(range => contains(range, note)))
    .map(({ key }) => key);
}
