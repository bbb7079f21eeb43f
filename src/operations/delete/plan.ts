/** The plan of a deletion in one repository. Pure: it is shown before anything is done. */
import { isBelieved } from '../../repository/encoding/signature-policy.ts';
import type { BackupDecision } from '../cleanup/decisions.ts';
import { whyRestoring } from '../cleanup/claimed-by-restores.ts';
import { isInProgress, isProven } from '../cleanup/in-progress.ts';
import { defaultLimits, type PlanInput, type SystemState } from '../cleanup/state.ts';
import type { RestoreSurvey } from '../restore/survey.ts';
import type { Allowances, DeletionPlan, Refusal } from './decisions.ts';
import { lostWithout } from './lost-ranges.ts';

export interface DeletionInput extends Pick<PlanInput, 'state' | 'now' | 'trust'> {
  /** What restores are planned from; undefined where there is none to plan. */
  readonly restores: RestoreSurvey | undefined;
  /** The id of the backup, which is in the state. */
  readonly id: string;
  readonly allowed: Allowances;
}

export function planDeletion(input: DeletionInput): DeletionPlan {
  const { state, restores, id, allowed } = input;
  const children = childrenOf(id, state);
  const going = new Set([id, ...(allowed.withChildren ? children : [])]);
  return {
    removal: {
      systemId: state.systemId,
      backups: decisionsOf(state, going),
      wal: [],
      remarks: [],
    },
    lost: restores === undefined ? [] : lostWithout(restores, going),
    refusals: [...refusalsOf(input, going, children)],
  };
}

/** Everything that builds on the backup, directly or not. */
function childrenOf(id: string, { backups }: SystemState): string[] {
  const found = new Set([id]);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const { record } of backups)
      if (record.parent !== undefined && found.has(record.parent)) found.add(record.id);
  }
  found.delete(id);
  return [...found];
}

function* refusalsOf(
  input: DeletionInput,
  going: ReadonlySet<string>,
  children: readonly string[],
): Generator<Refusal> {
  const { state, now, trust, allowed } = input;
  const limits = defaultLimits;
  for (const id of going)
    if (state.pinned.has(id))
      yield {
        code: 'pinned',
        message: `backup ${id} is pinned`,
        hint: `\`walvault unpin ${id}\` takes the pin back.`,
      };
  for (const id of going) {
    const restoring = whyRestoring(state, id);
    if (restoring !== undefined)
      yield {
        code: 'restoring',
        message: `backup ${id}: ${restoring.text}`,
        hint: 'Its claim ends with it, or at that time.',
      };
  }
  if (children.length > 0 && !allowed.withChildren)
    yield {
      code: 'children',
      message: `${namesOf(children)} ${children.length === 1 ? 'builds' : 'build'} on backup ${input.id}`,
      hint: 'Without it they cannot be restored. --with-children deletes them, too.',
    };
  const recent = state.unfinished.filter(one => isInProgress(one, { state, now }, limits));
  for (const { id } of recent)
    if (going.has(id))
      yield {
        code: 'in-progress',
        message: `backup ${id} may still be in progress`,
        hint: 'What an interrupted backup leaves goes with a cleanup seven days later.',
      };
  const claims = [
    ...state.unreadable.filter(({ verdict }) => isBelieved(verdict, trust)),
    ...recent.filter(isProven),
  ].filter(({ id }) => !going.has(id));
  for (const { id, claim } of claims) {
    const isChild = claim.kind === 'named' && going.has(claim.parent);
    if (isChild || claim.kind === 'unknown')
      yield {
        code: 'parent-in-progress',
        message: `backup ${id} ${isChild ? 'builds' : 'may build'} on ${namesOf([...going])}`,
        hint: 'A backup that is being taken becomes clear by itself; try again when it has ended.',
      };
  }
  if (isWithoutFull(state, going, trust) && !allowed.lastFull)
    yield {
      code: 'last-full',
      message: `no other whole full backup of system ${state.systemId} is in this repository`,
      hint: '--allow-last-full deletes it all the same. Take a backup first if the cluster is in use.',
    };
  if (state.unreadable.some(({ id }) => going.has(id)) && !allowed.unreadable)
    yield {
      code: 'unreadable',
      message: `the record of backup ${input.id} cannot be used, so nobody can say what is lost with it`,
      hint: 'A copy of the repository may still have the record. --allow-unreadable deletes it all the same.',
    };
}

/** Anybody who can add records can add very many. */
const mostNamed = 10;

function namesOf(ids: readonly string[]): string {
  const shown = ids.slice(0, mostNamed).join(', ');
  const more = ids.length > mostNamed ? ', …' : '';
  return `${ids.length === 1 ? 'backup' : 'backups'} ${shown}${more}`;
}

/** True if full backups go and none that counts stays. */
function isWithoutFull(
  { backups }: SystemState,
  going: ReadonlySet<string>,
  trust: DeletionInput['trust'],
): boolean {
  const full = backups.filter(({ record }) => record.type === 'full');
  const counts = full.filter(
    ({ record, verdict, isComplete }) => !going.has(record.id) && isComplete && isBelieved(verdict, trust),
  );
  return counts.length === 0 && full.some(({ record }) => going.has(record.id));
}

function decisionsOf(state: SystemState, going: ReadonlySet<string>): BackupDecision[] {
  const reasons = [{ code: 'deleted', text: 'it was named to be deleted' }] as const;
  const withoutRecord = { type: undefined, timeline: undefined, stopTime: undefined } as const;
  const rest = { isWindowStart: false, action: 'remove', reasons } as const;
  return [
    ...state.backups.map(({ record, objectCount, storedBytes }) => ({
      id: record.id,
      state: 'committed' as const,
      type: record.type,
      timeline: record.timeline,
      stopTime: record.stopTime,
      objectCount,
      storedBytes,
      ...rest,
    })),
    ...state.unreadable.map(({ id, objectCount, storedBytes }) => ({
      id,
      state: 'unreadable' as const,
      ...withoutRecord,
      objectCount,
      storedBytes,
      ...rest,
    })),
    ...state.unfinished.map(({ id, objectCount, storedBytes }) => ({
      id,
      state: 'unfinished' as const,
      ...withoutRecord,
      objectCount,
      storedBytes,
      ...rest,
    })),
  ].filter(({ id }) => going.has(id));
}
