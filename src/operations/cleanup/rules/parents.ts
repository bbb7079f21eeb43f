/** A backup that a kept one builds on stays, and one that a backup in the making may build on. Pure. */
import { isBelieved } from '../../../repository/encoding/signature-policy.ts';
import { isInProgress } from '../in-progress.ts';
import type { PlanInput, RetentionLimits } from '../state.ts';
import type { Mark } from './mark.ts';

/** @param isKept tells of each backup whether another rule keeps it */
export function parents(
  { state, now, trust }: PlanInput,
  limits: RetentionLimits,
  isKept: (id: string) => boolean,
): Mark[] {
  const byId = new Map(state.backups.map(backup => [backup.record.id, backup]));
  const marked = new Map<string, Mark>();
  const keepChain = (child: string, parent: string | undefined) => {
    for (let id = parent; id !== undefined;) {
      const backup = byId.get(id);
      if (backup === undefined || marked.has(id)) return;
      marked.set(id, { backup, code: 'parent', text: `${child} builds on it` });
      id = backup.record.parent;
    }
  };
  for (const { record } of state.backups) if (isKept(record.id)) keepChain(record.id, record.parent);
  const claims = [
    ...state.unreadable.filter(({ verdict }) => isBelieved(verdict, trust)),
    ...state.unfinished.filter(one => isInProgress(one, { state, now }, limits)),
  ];
  for (const { id, claim } of claims) if (claim.kind === 'named') keepChain(id, claim.parent);
  return [...marked.values()];
}
