/**
 * The note of a restore that runs, waits for a thaw, or replays WAL: its claim on a backup and the WAL behind it.
 *
 * Each note is a sign of life with an end of its own, so that a restore that crashed holds nothing for long. The newest
 * note of a restore counts. An unsigned or untrusted one only protects, and for a limited time
 * (`src/repository/restores-in-progress.ts`).
 */
import { parseWalFileName } from '../../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import type { SegmentPosition } from '../../../postgres/wal/segment-range.ts';
import { isBackupId } from '../backup-record.ts';
import type { NewNote, Note } from './note.ts';

export const restoredKind = 'restored';

/** `replaying`: the files are there, and the server fetches WAL. `ended` frees what the restore held. */
export const restoreStages = ['thawing', 'unpacking', 'replaying', 'ended'] as const;
export type RestoreStage = (typeof restoreStages)[number];

export interface RestoreClaim {
  readonly backupId: string;
  /** The same for every run into one directory of one host: a restore after a thaw goes on with its claim. */
  readonly restoreId: string;
  /** The name of the first segment that recovery reads. */
  readonly firstSegment: string;
  /** The recovery target in words. */
  readonly target: string;
  readonly host: string;
  /** The user of the operating system. */
  readonly user: string;
  /** The data directory of the copy. */
  readonly directory: string;
  readonly startTime: Date;
}

export interface RestoreProgress {
  readonly stage: RestoreStage;
  /** Unpacked bytes of `totalBytes`; while replaying, bytes of WAL, whose total nobody knows. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** The end of this claim unless a later note renews it, by the host's clock. */
  readonly until: Date;
}

/** What a note says of a restore. */
export interface RestoredNote extends RestoreClaim, RestoreProgress {
  /** When the note reached the store, by the store's clock. */
  readonly notedAt: Date;
}

export function restoredNote(
  { backupId, restoreId, firstSegment, target, host, user, directory, startTime }: RestoreClaim,
  { stage, doneBytes, totalBytes, until }: RestoreProgress,
): NewNote {
  return {
    subject: backupId,
    kind: restoredKind,
    body: {
      restore: restoreId,
      stage,
      firstSegment,
      target,
      host,
      user,
      directory,
      startTime: startTime.toISOString(),
      doneBytes,
      totalBytes,
      until: until.toISOString(),
    },
  };
}

/** Parses the note; undefined if it claims nothing: no backup, no segment, no end. */
export function parseRestored({ subject, fields, time, modified }: Note): RestoredNote | undefined {
  const stage = restoreStages.find(known => fields.is('stage', known));
  const firstSegment = fields.text('firstSegment', '');
  const until = fields.time('until', new Date(0));
  if (stage === undefined || !isBackupId(subject) || parseWalFileName(firstSegment)?.kind !== 'segment')
    return undefined;
  return {
    backupId: subject,
    restoreId: fields.text('restore', ''),
    stage,
    firstSegment,
    target: fields.text('target', 'an unknown target'),
    host: fields.text('host', 'an unknown host'),
    user: fields.text('user', 'an unknown user'),
    directory: fields.text('directory', 'an unknown directory'),
    startTime: fields.time('startTime', time),
    doneBytes: fields.number('doneBytes', 0),
    totalBytes: fields.number('totalBytes', 0),
    until,
    notedAt: modified,
  };
}

/** The position of the first segment that the restore needs. */
export function firstNeeded(
  { firstSegment }: Pick<RestoreClaim, 'firstSegment'>,
  geometry: WalGeometry,
): SegmentPosition | undefined {
  const file = parseWalFileName(firstSegment);
  return file?.kind === 'segment' ? geometry.positionOf(file) : undefined;
}
