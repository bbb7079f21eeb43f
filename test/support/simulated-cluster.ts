/**
 * A simulated cluster that shares no code with the cleanup planner: time passes, segments are archived, backups are
 * taken, servers fail over and are restored to earlier moments. It finds by simple search which moments can be
 * recovered from which objects, and so measures what a plan has cost.
 */
import * as fc from 'fast-check';
import type { CleanupPlan } from '../../src/operations/cleanup/decisions.ts';
import type { KnownBackup, SystemState, UnfinishedBackup } from '../../src/operations/cleanup/state.ts';
import type { WalStretch } from '../../src/repository/wal/listing.ts';
import { backup, day, inSegment, unfinished } from './cleanup-state.ts';

/**
 * `manual`: taken with --keep-for 7d. `early`, `late`: by a clock that is half an hour off. `future`: says that it ended
 * days after it was stored.
 */
type Trait = 'none' | 'pinned' | 'unsigned' | 'torn' | 'damaged' | 'manual' | 'early' | 'late' | 'future';

export type Step =
  | { readonly kind: 'archive'; readonly segments: number; readonly days: number }
  | { readonly kind: 'backup'; readonly days: number; readonly trait: Trait; readonly isIncremental: boolean }
  | { readonly kind: 'claim' }
  | { readonly kind: 'lose-segment'; readonly back: number }
  | { readonly kind: 'failover'; readonly hasLastSegment: boolean }
  | { readonly kind: 'restore'; readonly toBackup: number; readonly further: number }; // prettier-ignore

const days = fc.integer({ min: 1, max: 40 }).map(tenths => tenths / 10);

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('archive' as const), segments: fc.integer({ min: 1, max: 6 }), days }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('backup' as const),
      days,
      trait: fc.constantFrom<Trait>('none', 'none', 'none', 'none', 'pinned', 'unsigned', 'torn', 'damaged', 'manual', 'early', 'late', 'future'),
      isIncremental: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('claim' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose-segment' as const), back: fc.integer({ min: 2, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failover' as const), hasLastSegment: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const), toBackup: fc.nat(20), further: fc.integer({ min: 0, max: 8 }) }) },
); // prettier-ignore

interface PathStep {
  readonly timeline: number;
  /** Segments served by this timeline on the way; the one it was left in is the child's. */
  readonly first: number;
  readonly end: number;
}

export interface Moment {
  readonly timeline: number;
  readonly segment: number;
  readonly time: number;
}

export class SimulatedCluster {
  time = 0;
  backups: KnownBackup[] = [];
  claims: { backup: UnfinishedBackup; timeline: number; segment: number }[] = [];
  readonly #arrivals = new Map<string, number>();
  readonly #tree = new Map<number, { parent: number; switchpoint: bigint }>();
  readonly #historyTimes = new Map<number, Date>();
  readonly #pinned = new Set<string>();
  /** Of each timeline: the path of its ancestors, ending where it began. */
  readonly #ancestors = new Map<number, PathStep[]>([[1, []]]);
  readonly #begins = new Map<number, number>([[1, 1]]);
  #taken = 0;
  readonly #expiring = new Set<string>();
  #timeline = 1;
  #newest = 1;
  #next = 1;

  play(step: Step): void {
    this.time += 0.01;
    switch (step.kind) {
      case 'archive':
        for (let count = 0; count < step.segments; count++) {
          this.time += step.days / step.segments;
          this.#archive();
        }
        break;
      case 'backup':
        this.time += step.days;
        this.#backUp(step);
        break;
      case 'claim':
        this.claims.push({
          backup: unfinished(`claim${this.claims.length}`, this.time),
          timeline: this.#timeline,
          segment: this.#next,
        });
        break;
      case 'lose-segment':
        this.#arrivals.delete(`${this.#timeline}:${this.#next - step.back}`);
        break;
      case 'failover':
        this.#branch(this.#path(), this.#next);
        if (step.hasLastSegment)
          this.#arrivals.set(`${this.#tree.get(this.#timeline)?.parent ?? 0}:${this.#next}`, this.time);
        break;
      case 'restore': {
        const base = this.backups[step.toBackup % Math.max(1, this.backups.length)];
        if (base !== undefined) this.#restore(base, step.further);
      }
    }
  }

  state(): Partial<SystemState> {
    return {
      backups: this.backups,
      unfinished: this.claims.map(({ backup }) => backup),
      tree: this.#tree,
      historyTimes: this.#historyTimes,
      unusable: new Map(),
      pinned: this.#pinned,
      expiring: this.#expiring,
      wal: this.#stretches(),
    };
  }

  /** All archived moments. */
  moments(): Moment[] {
    return [...this.#arrivals].map(([key, time]) => {
      const [timeline = 0, segment = 0] = key.split(':').map(Number);
      return { timeline, segment, time };
    });
  }

  /** Does what the plan says. */
  apply(plan: CleanupPlan): void {
    const isGone = new Set(plan.backups.filter(({ action }) => action === 'remove').map(({ id }) => id));
    // Only what has a record is announced.
    for (const { record } of this.backups) if (isGone.has(record.id)) this.#expiring.add(record.id);
    this.backups = this.backups.filter(({ record }) => !isGone.has(record.id));
    this.claims = this.claims.filter(({ backup }) => !isGone.has(backup.id));
    const stays = staysAfter(plan);
    for (const { timeline, segment } of this.moments())
      if (!stays(timeline, segment)) this.#arrivals.delete(`${timeline}:${segment}`);
  }

  /** Archived moments that can be reached from one of `backups` with the WAL that `isThere`. */
  recoverable(
    backups: readonly KnownBackup[],
    isThere: (timeline: number, segment: number) => boolean,
  ): Moment[] {
    return this.moments().filter(moment => backups.some(one => this.#leadsTo(one, moment, isThere)));
  }

  has(timeline: number, segment: number): boolean {
    return this.#arrivals.has(`${timeline}:${segment}`);
  }

  #leadsTo(
    from: KnownBackup,
    moment: Moment,
    isThere: (timeline: number, segment: number) => boolean,
  ): boolean {
    const [first, last] = segmentsOf(from);
    const begin = this.#begins.get(moment.timeline) ?? 1;
    const path = [
      ...(this.#ancestors.get(moment.timeline) ?? []),
      { timeline: moment.timeline, first: begin, end: moment.segment + 1 },
    ];
    const at = path.findIndex(({ timeline }) => timeline === from.record.timeline);
    const step = path[at];
    if (step === undefined || last > (at === path.length - 1 ? moment.segment : step.end)) return false;
    return path.slice(at).every(({ timeline, first: start, end }) => {
      for (let segment = Math.max(first, start); segment < end; segment++)
        if (!isThere(timeline, segment)) return false;
      return true;
    });
  }

  #archive(): void {
    this.#arrivals.set(`${this.#timeline}:${this.#next}`, this.time);
    this.#next += 1;
  }

  #backUp({ trait, isIncremental }: Step & { kind: 'backup' }): void {
    const [first, last] = [this.#next, this.#next + 1];
    const parent = isIncremental
      ? this.backups.findLast(one => one.record.timeline === this.#timeline)
      : undefined;
    this.#archive();
    this.#archive();
    const id = `b${this.#taken++}`;
    // A server backs up what it has written itself: in the segment in which its timeline began, from behind its beginning on.
    const isFirstSegment = this.#timeline > 1 && first === this.#begins.get(this.#timeline);
    const startLsn = inSegment(first) + (isFirstSegment ? 6000n : 0n);
    const endLsn = inSegment(last) + 1000n;
    this.backups.push(
      backup({
        id,
        at: this.time,
        segments: [first, last],
        timeline: this.#timeline,
        ...(parent && { parent: parent.record.id }),
        record: {
          startLsn,
          walRanges: [{ timeline: this.#timeline, startLsn, endLsn }],
          ...(trait === 'damaged' && { damagedPages: 1 }),
          ...(trait === 'manual' && { keepUntil: day(this.time + 7) }),
          stopTime: day(this.time + clockErrorDays(trait)),
        },
        known: {
          ...(trait === 'unsigned' && { verdict: { status: 'unsigned' } as const }),
          ...(trait === 'torn' && { isComplete: false }),
        },
      }),
    );
    if (trait === 'pinned') this.#pinned.add(id);
  }

  #path(): PathStep[] {
    const begin = this.#begins.get(this.#timeline) ?? 1;
    return [
      ...(this.#ancestors.get(this.#timeline) ?? []),
      { timeline: this.#timeline, first: begin, end: Number.POSITIVE_INFINITY },
    ];
  }

  /** The segment of the switchpoint is archived again by the child, with its parent's pages in it. */
  #branch(path: readonly PathStep[], segment: number): void {
    const parent = path.findLast(step => step.first <= segment) ?? path[0];
    if (parent === undefined) return;
    const ancestors = path.slice(0, path.indexOf(parent) + 1);
    this.#newest += 1;
    this.#ancestors.set(
      this.#newest,
      ancestors.map(step => (step === parent ? { ...step, end: segment } : step)),
    );
    // Behind the end of any backup in the same segment.
    this.#tree.set(this.#newest, { parent: parent.timeline, switchpoint: inSegment(segment) + 5000n });
    this.#historyTimes.set(this.#newest, day(this.time));
    this.#begins.set(this.#newest, segment);
    this.#timeline = this.#newest;
    this.#next = segment;
  }

  #restore(base: KnownBackup, further: number): void {
    const { timeline } = base.record;
    const [, last] = segmentsOf(base);
    let target = last;
    while (target < last + further && this.has(timeline, target)) target += 1;
    const path = [
      ...(this.#ancestors.get(timeline) ?? []),
      { timeline, first: this.#begins.get(timeline) ?? 1, end: Number.POSITIVE_INFINITY },
    ];
    this.#branch(path, target);
  }

  #stretches(): WalStretch[] {
    const stretches: WalStretch[] = [];
    const sorted = [...this.#arrivals]
      .map(([key, time]) => ({ at: key.split(':').map(Number) as [number, number], time }))
      .sort((a, b) => a.at[0] - b.at[0] || a.at[1] - b.at[1]);
    for (const { at, time } of sorted) {
      const [timeline, segment] = at;
      const last = stretches.at(-1);
      if (last !== undefined && last.timeline === timeline && last.last + 1n === BigInt(segment)) {
        const lastModified = last.lastModified > day(time) ? last.lastModified : day(time);
        stretches[stretches.length - 1] = { ...last, last: BigInt(segment), lastModified };
      } else {
        stretches.push({ timeline, first: BigInt(segment), last: BigInt(segment), lastModified: day(time) });
      }
    }
    return stretches;
  }
}

function clockErrorDays(trait: Trait): number {
  if (trait === 'future') return 3;
  return trait === 'early' ? -1 / 48 : trait === 'late' ? 1 / 48 : 0;
}

export function segmentsOf({ record }: KnownBackup): [number, number] {
  return [
    Number(record.geometry.segmentOf(record.startLsn)),
    Number(record.geometry.segmentOf(record.stopLsn)),
  ];
}

export function staysAfter(plan: CleanupPlan): (timeline: number, segment: number) => boolean {
  const gone = plan.wal.filter(({ action }) => action === 'remove');
  return (timeline, segment) =>
    !gone.some(
      range => range.timeline === timeline && range.first <= BigInt(segment) && BigInt(segment) <= range.last,
    );
}
