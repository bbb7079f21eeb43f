/** Builds the states of repositories for tests of cleanup plans, in few words. */
import { WalGeometry } from '../../src/postgres/wal/geometry.ts';
import { planCleanup } from '../../src/operations/cleanup/plan.ts';
import type { RetentionPolicy } from '../../src/config/index.ts';
import type { CleanupPlan } from '../../src/operations/cleanup/decisions.ts';
import type {
  KnownBackup,
  PlanInput,
  SystemState,
  UnfinishedBackup,
} from '../../src/operations/cleanup/state.ts';
import type { RestoreInProgress } from '../../src/repository/restores-in-progress.ts';
import type { WalStretch } from '../../src/repository/wal/listing.ts';
import type { BackupRecord } from '../../src/repository/format/backup-record.ts';

export const geometry = new WalGeometry(16 * 1024 ** 2);
export const systemId = 7_300_000_000_000_000_001n;

/** Day 0 is the first of January; days may have fractions. */
export function day(number: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + number * 86_400_000);
}

export const dayMs = 86_400_000;

/** The middle of a segment. */
export function inSegment(number: number): bigint {
  return geometry.startLsn(BigInt(number)) + BigInt(geometry.segmentSizeBytes / 2);
}

export interface BackupWords {
  readonly id: string;
  /** Ended at this day. */
  readonly at: number;
  /** From the middle of the first to the middle of the last segment. */
  readonly segments: readonly [number, number];
  readonly timeline?: number;
  readonly parent?: string;
  readonly record?: Partial<BackupRecord>;
  readonly known?: Partial<KnownBackup>;
}

export function backup(words: BackupWords): KnownBackup {
  const { id, at, segments, timeline = 1, parent } = words;
  const startLsn = inSegment(segments[0]);
  const stopLsn = inSegment(segments[1]) + 1000n;
  const sha256 = 'a'.repeat(64);
  return {
    record: {
      id,
      type: parent === undefined ? 'full' : 'incremental',
      parent,
      systemId,
      serverVersion: 150_006,
      walvaultVersion: '0.1.0',
      label: 'test',
      backupFrom: 'primary',
      startTime: day(at - 0.01),
      stopTime: day(at),
      timeline,
      startLsn,
      stopLsn,
      walRanges: [{ timeline, startLsn, endLsn: stopLsn }],
      geometry,
      dataChecksums: true,
      damagedPages: 0,
      fileCount: 10,
      sizeBytes: 1000,
      tablespaces: [],
      externalFiles: [],
      manifest: { name: 'manifest.ndjson.zst', storedSizeBytes: 100, storedSha256: sha256 },
      parts: [{ number: 1, name: 'parts/000001.tar.zst', storedSizeBytes: 900, storedSha256: sha256 }],
      ...words.record,
    },
    verdict: { status: 'good', fingerprint: 'F'.repeat(40) },
    committedAt: day(at),
    isComplete: true,
    objectCount: 3,
    storedBytes: 1050,
    ...words.known,
  };
}

export function unfinished(id: string, at: number, more: Partial<UnfinishedBackup> = {}): UnfinishedBackup {
  return {
    id,
    claim: { kind: 'none' },
    objectCount: 2,
    storedBytes: 50,
    firstModified: day(at),
    lastModified: day(at),
    ...more,
  };
}

/** A restore that holds the backup until day 22. */
export function restoring(backupId: string, firstSegment: string): RestoreInProgress {
  return {
    backupId,
    restoreId: 'r1',
    stage: 'replaying',
    firstSegment,
    target: 'the end of the archive',
    host: 'db2',
    user: 'postgres',
    directory: '/srv/restored',
    startTime: day(19),
    doneBytes: 100,
    totalBytes: 100,
    until: day(22),
    notedAt: day(19),
    heldUntil: day(22),
    isProven: true,
  };
}

/** Consecutive segments of one timeline, the last of which arrived at `until`. */
export function wal(timeline: number, first: number, last: number, until: number): WalStretch {
  return { timeline, first: BigInt(first), last: BigInt(last), lastModified: day(until) };
}

export function stateOf(more: Partial<SystemState>): SystemState {
  return {
    systemId,
    geometry,
    backups: [],
    unreadable: [],
    unfinished: [],
    tree: new Map(),
    historyTimes: new Map(),
    unusable: new Map(),
    wal: [],
    segments: more.wal ?? [],
    outdatedNotes: [],
    restores: [],
    pinned: new Set(),
    expiring: new Set(),
    ...more,
  };
}

export function plan(
  state: Partial<SystemState>,
  policy: Partial<RetentionPolicy>,
  now: number,
  more: Partial<PlanInput> = {},
): CleanupPlan {
  return planCleanup({
    state: stateOf(state),
    policy: { minimumBackups: 1, timeZone: 'UTC', ...policy },
    now: day(now),
    trust: 'require',
    ...more,
  });
}

export function kept(plan: CleanupPlan): string[] {
  return plan.backups.filter(({ action }) => action === 'keep').map(({ id }) => id);
}

export function removed(plan: CleanupPlan): string[] {
  return plan.backups.filter(({ action }) => action === 'remove').map(({ id }) => id);
}

export function reasonsFor(plan: CleanupPlan, id: string): string[] {
  return plan.backups.find(backup => backup.id === id)?.reasons.map(({ code }) => code) ?? [];
}

/** `1:3-5` for segments 3 to 5 of timeline 1. */
export function removedWal(plan: CleanupPlan): string[] {
  return plan.wal
    .filter(({ action }) => action === 'remove')
    .map(({ timeline, first, last }) => `${timeline}:${first}-${last}`);
}
