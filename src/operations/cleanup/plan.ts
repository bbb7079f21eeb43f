/**
 * The cleanup plan for one system: what to remove and what to keep, each with its reasons (P5). Pure: `--dry-run`
 * prints this plan, and a real run follows it to the letter.
 */
import { formatCount, formatDuration } from '../../base/units.ts';
import { isBelieved } from '../../repository/encoding/signature-policy.ts';
import { chooseBackups, type BackupChoice } from './choose-backups.ts';
import { chooseWal } from './choose-wal.ts';
import { whyRestoring } from './claimed-by-restores.ts';
import { comparePositions } from '../../repository/format/backup-record.ts';
import type { BackupDecision, CleanupPlan, Decision, Remark, RemoveReason } from './decisions.ts';
import { endedBefore, isInProgress, isProven } from './in-progress.ts';
import { defaultLimits, type PlanInput, type RetentionLimits, type UnfinishedBackup } from './state.ts';
import {
  healHistoryHint,
  lostHistoryHint,
  timelinesOfUnknownOrigin,
} from '../../repository/wal/timelines.ts';

export function planCleanup(input: PlanInput): CleanupPlan {
  const limits = { ...defaultLimits, ...input.limits };
  const choice = chooseBackups(input, limits);
  const doubts = findDoubts(input, choice, limits);
  const backups = [
    ...committed(input, choice, doubts),
    ...input.state.unreadable.map(unreadable),
    ...input.state.unfinished.map(one => unfinished(one, input, limits)),
  ];
  const block = doubts.find(({ blocks }) => blocks !== 'nothing')?.message;
  return {
    systemId: input.state.systemId,
    backups,
    wal: chooseWal({ ...input, choice, block }, limits),
    remarks: doubts.map(({ message, hint }) => ({ message, hint })),
  };
}

/** Anybody who can add objects can add very many; one is enough for a doubt. */
const mostNamed = 10;

interface Doubt extends Remark {
  /** What cleanup may not remove because of the doubt. */
  readonly blocks: 'everything' | 'wal' | 'nothing';
}

function findDoubts(input: PlanInput, choice: BackupChoice, limits: RetentionLimits): Doubt[] {
  const { state } = input;
  const doubts: Doubt[] = [];
  const fresh = state.unfinished.filter(one => isInProgress(one, input, limits) && isProven(one));
  const unreadable = state.unreadable.filter(({ verdict }) => isBelieved(verdict, input.trust));
  const contradictory = choice.contradictory.filter(({ verdict }) => isBelieved(verdict, input.trust));
  const unclaimed = [...unreadable, ...fresh].filter(({ claim }) => claim.kind === 'unknown');
  for (const { id } of unclaimed.slice(0, mostNamed)) {
    doubts.push({
      blocks: 'everything',
      message: `nothing is removed: backup ${id} may build on any other, its claim cannot be read`,
      hint: 'Repair it or, if it is not needed, delete it by hand; a backup that is being taken becomes clear by itself.',
    });
  }
  for (const one of fresh) {
    if (input.isRetired === true) {
      doubts.push({
        blocks: 'everything',
        message: `nothing is removed: backup ${one.id} may be in progress, so the system is still in use`,
      });
    } else if (endedBefore(one, choice.counted, limits).length === 0) {
      doubts.push({
        blocks: 'wal',
        message: `no WAL is removed: backup ${one.id} may be in progress, and no older one tells which WAL it needs`,
      });
    }
  }
  const present = [
    ...state.wal.map(({ timeline }) => timeline),
    ...state.backups.flatMap(({ record }) => record.walRanges.map(({ timeline }) => timeline)),
  ];
  const ofUnknownOrigin = timelinesOfUnknownOrigin(state.tree, present);
  for (const timeline of ofUnknownOrigin) {
    const problem = state.unusable.get(timeline);
    const why =
      problem === undefined
        ? `the history file of timeline ${timeline} is not archived`
        : `the archived history of timeline ${timeline} cannot be read (${problem})`;
    doubts.push({
      blocks: 'everything',
      message: `nothing is removed: ${why}, so nobody can say what it descends from`,
      hint: problem === undefined ? lostHistoryHint(timeline) : healHistoryHint(timeline),
    });
  }
  // Without WAL and backups of its own, a timeline needs nothing.
  for (const [timeline, problem] of state.unusable)
    if (!ofUnknownOrigin.includes(timeline))
      doubts.push({
        blocks: 'nothing',
        message: `the archived history of timeline ${timeline} cannot be read: ${problem}`,
        hint: healHistoryHint(timeline),
      });
  const unusable = [...unreadable, ...contradictory.map(({ record }) => record)];
  for (const { id } of unusable.slice(0, mostNamed)) {
    doubts.push({
      blocks: 'wal',
      message: `no WAL is removed: the record of backup ${id} cannot be used, so it may need any of it`,
      hint: 'Restore the record from a copy of the repository or, if the backup is not needed, delete it by hand.',
    });
  }
  const otherSize = state.backups.find(
    ({ record, verdict }) =>
      isBelieved(verdict, input.trust) &&
      record.geometry.segmentSizeBytes !== state.geometry?.segmentSizeBytes,
  );
  if (otherSize !== undefined) {
    doubts.push({
      blocks: 'wal',
      message: `no WAL is removed: backup ${otherSize.record.id} has another segment size than the archive`,
    });
  }
  if (choice.windowStarts.length === 0 && input.isRetired !== true) {
    doubts.push({
      blocks: 'wal',
      message: 'no WAL is removed: there is no backup that it could be older than',
    });
  }
  const unbelieved = state.unreadable.filter(({ verdict }) => !isBelieved(verdict, input.trust));
  if (unbelieved.length > 0)
    doubts.push({
      blocks: 'nothing',
      message: `records without a trusted signature cannot be used either, and protect only the data of ${formatCount(unbelieved.length, 'backup')}: ${idsOf(unbelieved)}`,
      hint: 'Delete by hand what none of your hosts wrote.',
    });
  const uncounted = [...choice.kept].filter(([, reasons]) =>
    reasons.some(({ code }) => code === 'not-counted'),
  );
  if (uncounted.length > 0) {
    doubts.push({
      blocks: 'nothing',
      message: `${uncounted.length} ${uncounted.length === 1 ? 'backup is' : 'backups are'} not counted and stay: ${idsOf(uncounted.map(([id]) => ({ id })))}`,
      hint: 'Name the public signing keys of your hosts in signing.trusted-signers; delete by hand what none of them wrote.',
    });
  }
  return doubts;
}

/** The first ids: anybody who can add objects can add a million. */
function idsOf(backups: readonly { readonly id: string }[]): string {
  const shown = backups.slice(0, 20).map(({ id }) => id);
  return `${shown.join(', ')}${backups.length > shown.length ? ', …' : ''}`;
}

function committed(input: PlanInput, choice: BackupChoice, doubts: readonly Doubt[]): BackupDecision[] {
  const doubt = doubts.find(({ blocks }) => blocks === 'everything')?.message;
  const backups = input.state.backups.toSorted((a, b) => comparePositions(a.record, b.record));
  return backups.map(backup => {
    const { record, objectCount, storedBytes } = backup;
    const reasons = choice.kept.get(record.id);
    const facts = {
      id: record.id,
      state: 'committed',
      type: record.type,
      timeline: record.timeline,
      stopTime: record.stopTime,
      objectCount,
      storedBytes,
      isWindowStart: choice.windowStarts.includes(backup),
    } as const;
    if (reasons !== undefined) return { ...facts, action: 'keep', reasons };
    if (doubt !== undefined)
      return { ...facts, action: 'keep', reasons: [{ code: 'in-doubt', text: doubt }] };
    return { ...facts, ...removed(input) };
  });
}

function removed({ isRetired }: PlanInput): Decision & { action: 'remove' } {
  return isRetired === true
    ? { action: 'remove', reasons: [{ code: 'retired', text: 'its system was named to be removed' }] }
    : { action: 'remove', reasons: [{ code: 'expired', text: 'no rule keeps it' }] };
}

function unreadable(entry: PlanInput['state']['unreadable'][number]): BackupDecision {
  const { id, problem, objectCount, storedBytes } = entry;
  return {
    ...withoutRecord(id, 'unreadable', { objectCount, storedBytes }),
    action: 'keep',
    reasons: [{ code: 'unreadable', text: `its record cannot be used: ${problem}` }],
  };
}

function unfinished(backup: UnfinishedBackup, input: PlanInput, limits: RetentionLimits): BackupDecision {
  const facts = withoutRecord(backup.id, 'unfinished', backup);
  const restoring = whyRestoring(input.state, backup.id);
  if (restoring !== undefined) return { ...facts, action: 'keep', reasons: [restoring] };
  if (isInProgress(backup, input, limits)) {
    const text = `without a commit record, last written ${backup.lastModified.toISOString()}: it may still be in progress`;
    return { ...facts, action: 'keep', reasons: [{ code: 'in-progress', text }] };
  }
  const code: RemoveReason = input.state.expiring.has(backup.id) ? 'partly-removed' : 'unfinished';
  const text =
    code === 'partly-removed'
      ? 'an earlier cleanup removed its record and not yet all of its data'
      : `never finished, and nothing was written to it for ${formatDuration(limits.inProgressMs)}`;
  return { ...facts, action: 'remove', reasons: [{ code, text }] };
}

function withoutRecord(
  id: string,
  state: 'unreadable' | 'unfinished',
  { objectCount, storedBytes }: { objectCount: number; storedBytes: number },
) {
  return {
    id,
    state,
    type: undefined,
    timeline: undefined,
    stopTime: undefined,
    objectCount,
    storedBytes,
    isWindowStart: false,
  } as const;
}
