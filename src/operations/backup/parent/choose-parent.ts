/** The choice between a full backup and one against a parent. It always says why. Pure. */
import { formatDuration } from '../../../base/units.ts';
import type { KnownBackup, ParentServer } from './known-backup.ts';
import { judgeParents, type UnusableParent, type UsableParent } from './usable-parents.ts';

export type AskedType = 'full' | 'differential' | 'incremental' | 'auto';

export interface ParentSettings {
  readonly fullEveryMs: number;
  readonly differentialEveryMs: number;
  /** From this share of the full backup's bytes in the newest differential on, `auto` takes a full one: 0 to 1. */
  readonly mostChangedShare: number;
}

export interface ParentRequest {
  readonly asked: AskedType;
  readonly settings: ParentSettings;
  readonly backups: readonly KnownBackup[];
  readonly server: ParentServer;
}

export type ParentReason =
  | 'asked'
  | 'no-full'
  | 'full-is-old'
  | 'much-changed'
  | 'no-differential'
  | 'differential-is-old'
  | 'differential-is-recent';

interface Why {
  readonly code: ParentReason;
  /** In words, lower case. */
  readonly reason: string;
  /** What else could have been the parent, if it were usable. */
  readonly unusable: readonly UnusableParent[];
}

export type ParentChoice =
  | (Why & { readonly kind: 'full' })
  /** `depth` is that of the new backup: 2 for a differential. */
  | (Why & { readonly kind: 'incremental'; readonly parent: KnownBackup; readonly depth: 2 | 3 });

export function chooseParent({ asked, settings, backups, server }: ParentRequest): ParentChoice {
  const { usable, unusable } = judgeParents(backups, server);
  const takeFull = (code: ParentReason, reason: string) =>
    ({ kind: 'full', code, reason, unusable }) as const;
  const against = ({ backup, depth }: UsableParent, code: ParentReason, reason: string): ParentChoice => ({
    kind: 'incremental',
    parent: backup,
    depth: depth === 1 ? 2 : 3,
    code,
    reason,
    unusable,
  });

  if (asked === 'full') return takeFull('asked', 'a full backup was asked for');
  const full = usable.find(({ depth }) => depth === 1);
  if (full === undefined) return takeFull('no-full', reasonWithoutFull(backups, unusable));
  const differential = usable.find(({ backup }) => backup.parent === full.backup.id);
  if (asked === 'differential') return against(full, 'asked', 'a differential backup was asked for');
  if (asked === 'incremental') {
    if (differential !== undefined)
      return against(differential, 'asked', 'an incremental backup was asked for');
    return against(full, 'no-differential', `${full.backup.id} has no usable differential backup yet`);
  }

  const ageOf = ({ backup }: UsableParent) => Math.max(0, server.now.getTime() - backup.startTime.getTime());
  if (isDue(ageOf(full), settings.fullEveryMs))
    return takeFull('full-is-old', `${full.backup.id} is ${formatDuration(ageOf(full))} old`);
  if (differential === undefined)
    return against(full, 'no-differential', `${full.backup.id} has no usable differential backup yet`);
  const share = differential.backup.ownBytes / full.backup.ownBytes;
  if (share >= settings.mostChangedShare)
    return takeFull(
      'much-changed',
      `${differential.backup.id} has ${(100 * share).toFixed(0)} % of the bytes of ${full.backup.id}`,
    );
  const age = `${differential.backup.id} is ${formatDuration(ageOf(differential))} old`;
  if (isDue(ageOf(differential), settings.differentialEveryMs))
    return against(full, 'differential-is-old', age);
  return against(differential, 'differential-is-recent', age);
}

/**
 * A timer never fires at the same moment twice. Without an allowance a daily backup that starts a second earlier than
 * yesterday's would find that one a second too young, and the next one would be due an hour late, every day anew.
 */
function isDue(ageMs: number, everyMs: number): boolean {
  return ageMs >= everyMs - Math.min(mostEarlyMs, everyMs / 24);
}

const mostEarlyMs = 30 * 60_000;

function reasonWithoutFull(backups: readonly KnownBackup[], unusable: readonly UnusableParent[]): string {
  const fulls = new Set(backups.filter(({ type }) => type === 'full').map(({ id }) => id));
  const last = unusable.findLast(({ id }) => fulls.has(id));
  if (last === undefined) return 'there is no full backup yet';
  return `no full backup can be its parent: ${last.id} ${last.reason}`;
}
