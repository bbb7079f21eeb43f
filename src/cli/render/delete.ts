/** The result of `delete`, for people and as JSON. */
import { formatCount, formatSize } from '../../base/units.ts';
import type { DeletedIn, PlannedDeletion, PlannedDeletions } from '../../operations/delete/delete.ts';
import type { LostRange } from '../../operations/delete/decisions.ts';
import { renderTable } from './table.ts';

/** What goes, and what no recovery reaches any more afterwards. */
export function renderDeletions({ planned, without }: PlannedDeletions): string {
  return [
    ...planned.map(renderPlanned),
    ...without.map(name => `repository "${name}" does not have it\n`),
  ].join('\n');
}

function renderPlanned({ place, plan }: PlannedDeletion): string {
  const { repository, system } = place;
  const rows = plan.removal.backups.map(backup => [
    backup.id,
    backup.type ?? backup.state,
    backup.stopTime?.toISOString() ?? '',
    String(backup.objectCount),
    formatSize(backup.storedBytes),
  ]);
  const lost = plan.lost.map(range => `lost with it: ${describeLost(range)}\n`);
  return [
    `repository "${repository.name}" (${repository.store.url}), system ${system.systemId}\n`,
    renderTable(columns, rows),
    ...(lost.length > 0 ? lost : ['no moment is lost that a recovery reaches now\n']),
    ...plan.refusals.map(({ message }) => `stays: ${message}\n`),
  ].join('');
}

const columns = [
  { title: 'BACKUP' },
  { title: 'TYPE' },
  { title: 'ENDED' },
  { title: 'OBJECTS', align: 'right' },
  { title: 'STORED', align: 'right' },
] as const;

function describeLost({ timeline, fromLsn, toLsn, since, until }: LostRange): string {
  const begin = since === undefined ? fromLsn : `${since.toISOString()} (${fromLsn})`;
  const end =
    until === undefined
      ? `${toLsn}, where its WAL ends`
      : `${until.stopTime.toISOString()} (${toLsn}), from where backup ${until.backup} leads on`;
  return `recovery on timeline ${timeline} to moments from ${begin} to ${end}`;
}

export function renderDeleted(deleted: readonly DeletedIn[]): string {
  return deleted
    .map(({ repository, removed: { backups, objectCount, freedBytes } }) => {
      const count = `${formatCount(backups.length, 'backup')}, ${formatCount(objectCount, 'object')}`;
      return `repository "${repository}": deleted ${count}; ${formatSize(freedBytes)} freed\n`;
    })
    .join('');
}

/** The published shape (docs/reference/json.md). */
export function deletionJson(result: {
  readonly id: string;
  readonly isDryRun: boolean;
  readonly deletions: PlannedDeletions;
  readonly deleted: readonly DeletedIn[];
}): unknown {
  const { id, isDryRun, deletions, deleted } = result;
  return {
    backup: id,
    dryRun: isDryRun,
    repositories: deletions.planned.map(({ place, plan }) => {
      const { repository, system } = place;
      const done = deleted.find(one => one.repository === repository.name)?.removed;
      return {
        name: repository.name,
        url: repository.store.url,
        systemId: system.systemId,
        backups: plan.removal.backups.map(backup => ({
          id: backup.id,
          state: backup.state,
          type: backup.type ?? null,
          timeline: backup.timeline ?? null,
          stopTime: backup.stopTime ?? null,
          objectCount: backup.objectCount,
          storedBytes: backup.storedBytes,
        })),
        lost: plan.lost.map(lostJson),
        refusals: plan.refusals,
        removed: done === undefined ? null : { ...done },
      };
    }),
    without: deletions.without,
  };
}

function lostJson({ timeline, fromLsn, toLsn, since, until }: LostRange): unknown {
  return {
    timeline,
    fromLsn,
    toLsn,
    since: since ?? null,
    until: until ?? null,
  };
}
