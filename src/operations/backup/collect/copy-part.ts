/** One part of a backup: its members are read and stored, and what became of each is noted. */
import { fromPlainError } from '../../../base/errors/plain-error.ts';
import type { StartedBackup } from '../../../postgres/server/backup-control.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import type { DamagedPage } from '../../../repository/format/backup-record.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import type { PartSet } from '../../../repository/sets/part-set.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { NamedChanges } from '../changes/find-changes.ts';
import type { ParentState } from '../parent/parent-state.ts';
import type { FileDigests } from '../../../repository/format/page-digests.ts';
import { incrementalPath } from '../../../postgres/cluster/incremental/file-name.ts';
import type { BackupEntry, CopiedEntry, MemberDigests, PartMember } from '../part/backup-entry.ts';
import type { MissedPages, PartRules, PartWriter, ProvenPart } from '../part/part-task.ts';
import type { PlannedPart } from '../plan.ts';
import type { EarlierParts } from '../resume/earlier-parts.ts';
import type { PartIndexer } from '../resume/part-indexer.ts';
import type { CopyProgress } from './copy-progress.ts';
import type { Inventory } from './inventory.ts';
import { judgeSuspects } from './judge-suspects.ts';

export interface CopyRun {
  readonly connection: PgConnection;
  readonly started: StartedBackup;
  readonly set: PartSet;
  readonly writer: PartWriter;
  /** Receives what became of each entry. */
  readonly inventory: Inventory;
  /** The parts of the interrupted backup that this one goes on with. */
  readonly earlier: EarlierParts | undefined;
  /** The pages of the parent; undefined for a full backup. */
  readonly parent: ParentState | undefined;
  /** What WAL summaries say; undefined: all pages are read, and their digests compared. */
  readonly named: NamedChanges | undefined;
  /** Undefined: this host has no secret. */
  readonly indexer: PartIndexer | undefined;
  readonly progress: CopyProgress;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface CopiedPart {
  readonly content: ProvenPart;
  readonly damaged: DamagedPage[];
  readonly missed: MissedPages;
}

export async function copyPart(
  { entries: numbers }: PlannedPart,
  rules: PartRules,
  run: CopyRun,
): Promise<CopiedPart> {
  const { set, writer, inventory, indexer, connection, started, progress, log, signal } = run;
  const members = await withParentPages(await inventory.members(numbers), run);
  const part = progress.begin();
  const content = await set.placePart(async ({ number, key }) => {
    const destinations = set.destinations.terms();
    const task = { ...rules, key, members, destinations };
    const written = await writer.write(task, { log, signal, onBytes: part.onBytes });
    for (const { name, failure } of written.leftOut) set.destinations.leaveOut(name, fromPlainError(failure));
    await inventory.note({ numbers, part: number, copied: written.copied });
    const { stored, plainSizeBytes, copied } = written;
    const piece = set.pieceOf(key, { stored, plainSizeBytes });
    await indexer?.note({ number, ...piece }, manifestEntries(members, copied, number), {
      digests: pathDigests(members, written.digests),
    });
    return { stored, plainSizeBytes, content: written };
  }, signal);
  part.end(content.plainSizeBytes, content.copied.length);
  // A lost session has ended the backup on the server: fail now rather than after the last part.
  await connection.query('select 1');
  const damaged = await judgeSuspects(content.suspects, connection, started);
  return { content, damaged, missed: content.missed };
}

function manifestEntries(
  members: readonly BackupEntry[],
  copied: readonly CopiedEntry[],
  part: number,
): ManifestEntry[] {
  return copied.flatMap(({ member, crc32c: _crc32c, relationBytes, ...entry }) => {
    const { path, type } = members[member] ?? {};
    return path === undefined || type === undefined
      ? []
      : {
          path: relationBytes === undefined ? path : incrementalPath(path),
          type,
          ...entry,
          ...(type === 'file' && { part }),
        };
  });
}

/** The members, with what the parent has of each, and what WAL summaries name. */
export async function withParentPages(
  members: readonly BackupEntry[],
  { parent, named }: Pick<CopyRun, 'parent' | 'named'>,
): Promise<PartMember[]> {
  if (parent === undefined) return [...members];
  const known: PartMember[] = [];
  for (const member of members) {
    const parentPages = await parent.pagesOf(member.path);
    known.push({ ...member, parentPages, named: parentPages && named?.namedIn(member.path) });
  }
  return known;
}

function pathDigests(members: readonly BackupEntry[], digests: readonly MemberDigests[]): FileDigests[] {
  return digests.map(({ member, ...one }) => ({ path: members[member]?.path ?? '', ...one }));
}
