/**
 * The check, before anything is written, that every object of the plan can be read now and need not be thawed first.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { contains, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { restoredPiecesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import { coldObjects, thawObjects, type ColdObject } from '../../repository/cold-objects.ts';
import {
  backupPrefix,
  parseWalKey,
  pieceKey,
  walTimelinePrefix,
  type SystemPath,
} from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import type { WalRun } from '../../repository/wal/listing.ts';
import type { ListEntry, ThawOptions } from '../../stores/store.ts';
import { candidateTimelines } from './branches.ts';
import { backupsBefore } from './choose-backup.ts';
import type { RestoreRequest } from './request.ts';
import type { RestoreSurvey } from './survey.ts';
import { walPath } from './wal-path.ts';

/** The objects that a restore reads: whole backups and ranges of WAL. */
export interface Needs {
  readonly backups: readonly BackupRecord[];
  readonly wal: readonly SegmentRange[];
  /** The listing of the only backup, if it was read already. */
  readonly listed?: readonly ListEntry[];
}

export interface ColdCheck {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly survey: RestoreSurvey;
  readonly signal: AbortSignal;
}

/** The error of a restore that needs objects in an archive tier. */
export class ColdArchiveError extends WalvaultError {
  readonly repository: Repository;
  readonly system: SystemPath;
  /** The backups of which one will be restored. */
  readonly backups: readonly BackupRecord[];
  /** Lists the cold objects. It reads the listing again: an archive of any length is never held in memory. */
  readonly objects: () => AsyncIterable<ColdObject>;

  constructor(
    message: string,
    cold: Pick<ColdArchiveError, 'repository' | 'system' | 'backups' | 'objects'>,
  ) {
    super('cold-tier', message, { hint: thawHint });
    this.repository = cold.repository;
    this.system = cold.system;
    this.backups = cold.backups;
    this.objects = cold.objects;
  }
}

const thawHint =
  'The same command with --thaw asks the service for all of them, which costs money and takes hours, in DEEP_ARCHIVE up to two days; restore again when they are there.';

/**
 * Returns when all needed objects can be read.
 * @throws ColdArchiveError naming tiers and counts
 */
export async function requireReadable(check: ColdCheck, needs: Needs): Promise<void> {
  const { repository, signal } = check;
  if (repository.store.thaw === undefined) return;
  const objects = () => coldObjects(repository.store, neededEntries(check, needs), signal);
  const tiers = new Map<string, Tally>();
  for await (const { key, tier, isThawing } of objects()) {
    const tally = tiers.get(tier) ?? { segments: 0, pieces: 0, thawing: 0 };
    if (parseWalKey(key) === undefined) tally.pieces++;
    else tally.segments++;
    if (isThawing) tally.thawing++;
    tiers.set(tier, tally);
  }
  if (tiers.size === 0) return;
  const described = [...tiers].map(([tier, tally]) => `${describe(tally)} in ${tier}`).join(', ');
  throw new ColdArchiveError(
    `${repository.store.url}: this restore needs what cannot be read yet: ${described}`,
    { repository, system: check.system, backups: needs.backups, objects },
  );
}

interface Tally {
  segments: number;
  pieces: number;
  thawing: number;
}

function describe({ segments, pieces, thawing }: Tally): string {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const parts = [
    ...(pieces > 0 ? [count(pieces, 'object') + ' of the backup'] : []),
    ...(segments > 0 ? [count(segments, 'segment') + ' of WAL'] : []),
  ];
  return `${parts.join(' and ')}${thawing > 0 ? ` (${thawing} being thawed)` : ''}`;
}

/**
 * The objects that a restore may need when it cannot be planned, because the plan must read WAL that is cold. They
 * can be more than the restore needs in the end, and fewer for a transaction or a restore point before the newest
 * backup.
 */
export function possibleNeeds(survey: RestoreSurvey, request: RestoreRequest): Needs {
  const backups = new Set<BackupRecord>();
  const wal: SegmentRange[] = [];
  for (const timeline of candidateTimelines(survey, request)) {
    const [backup] = backupsBefore(survey, request, timeline);
    backups.add(backup);
    wal.push(...walPath(survey, timeline, backup.startLsn).pieces);
  }
  return { backups: [...backups], wal };
}

async function* neededEntries(check: ColdCheck, { backups, wal, listed }: Needs): AsyncGenerator<ListEntry> {
  const { repository, system, survey, signal } = check;
  for (const backup of backups) {
    const prefix = backupPrefix(system, backup.id);
    const names = new Set(Array.from(restoredPiecesOf(backup), piece => pieceKey(system, backup.id, piece)));
    for await (const entry of listed ?? repository.store.list({ prefix, signal }))
      if ('key' in entry && names.has(entry.key)) yield entry;
  }
  const coldTimelines = new Set(survey.runs.filter(hasCold).map(({ timeline }) => timeline));
  const seen = new Set<number>();
  for (const { timeline } of wal) {
    if (!coldTimelines.has(timeline) || seen.has(timeline)) continue;
    seen.add(timeline);
    yield* segmentEntries(check, timeline, wal);
  }
}

function hasCold({ cold }: WalRun): boolean {
  return cold !== undefined;
}

/** Yields each segment once, even where ranges overlap. */
async function* segmentEntries(
  { repository, system, survey, signal }: ColdCheck,
  timeline: number,
  wal: readonly SegmentRange[],
): AsyncGenerator<ListEntry> {
  for await (const entry of repository.store.list({ prefix: walTimelinePrefix(system, timeline), signal })) {
    const parsed = 'key' in entry ? parseWalKey(entry.key) : undefined;
    if (parsed?.kind !== 'file' || parsed.file.kind !== 'segment') continue;
    const position = survey.geometry.positionOf(parsed.file);
    if (wal.some(piece => contains(piece, position))) yield entry;
  }
}

/**
 * Asks for all cold objects. Nothing is restored yet, so the result is always an error, whose hint names the next
 * step.
 */
export async function thawAll(
  { repository, objects }: ColdArchiveError,
  options: ThawOptions,
): Promise<WalvaultError> {
  const counts = await thawObjects(repository.store, objects(), options);
  const waiting = counts['under-way'] === 0 ? '' : `, ${counts['under-way']} were asked for before`;
  return new WalvaultError(
    'cold-tier',
    `${repository.store.url}: asked for ${counts.requested} objects${waiting}; nothing was restored`,
    { hint: 'Run the same command again when they are there; it says what is still missing.' },
  );
}
