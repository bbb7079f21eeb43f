/** The result of `cleanup`, for people and as JSON. */
import { formatCount, formatSize } from '../../base/units.ts';
import type { CleanupResult, RepositoryCleanup, SystemCleanup } from '../../operations/cleanup/cleanup.ts';
import { describePolicy, policyJson } from './retention-policy.ts';
import { renderTable } from './table.ts';

/** For people: each decision with its reasons, then the objects that were or would be deleted. */
export function renderCleanup(result: CleanupResult): string {
  const blocks = result.repositories.flatMap(repository =>
    repository.systems.map(
      system =>
        `repository "${repository.name}" (${repository.url}), system ${system.systemId}\n${renderSystem(system)}${summary(system, result)}`,
    ),
  );
  blocks.push(...result.repositories.flatMap(repository => renderUnfinished(repository, result)));
  return `${policyLines(result)}${blocks.map(block => `\n${block}`).join('')}`;
}

function renderUnfinished(
  { name, url, unfinishedWrites }: RepositoryCleanup,
  { isDryRun }: CleanupResult,
): string[] {
  if (unfinishedWrites.length === 0) return [];
  const rows = unfinishedWrites.map(({ key, lastWritten, sizeBytes }) => [
    key,
    lastWritten.toISOString(),
    sizeBytes === undefined ? '' : formatSize(sizeBytes),
  ]);
  const count = `${rows.length} unfinished ${rows.length === 1 ? 'write' : 'writes'}`;
  return [
    `repository "${name}" (${url}), left by writers that died\n${renderTable(unfinishedColumns, rows)}${isDryRun ? 'would remove' : 'removed'} ${count}\n`,
  ];
}

const unfinishedColumns = [
  { title: 'UNFINISHED WRITE' },
  { title: 'LAST WRITTEN' },
  { title: 'STORED', align: 'right' },
] as const;

/** One line where all repositories have the same policy. */
function policyLines({ repositories, isDryRun }: CleanupResult): string {
  const note = isDryRun ? ' (dry run: nothing is removed)' : '';
  const described = repositories.map(({ name, policy }) => ({
    name,
    text: policy === undefined ? 'none, nothing is removed' : `${describePolicy(policy)}${note}`,
  }));
  const [first, ...others] = described;
  if (others.every(({ text }) => text === first?.text)) return `policy: ${first?.text ?? ''}\n`;
  return described.map(({ name, text }) => `policy of "${name}": ${text}\n`).join('');
}

function renderSystem({ plan }: SystemCleanup): string {
  const backups = plan.backups.map(backup => [
    backup.id,
    backup.type ?? backup.state,
    backup.stopTime?.toISOString() ?? '',
    formatSize(backup.storedBytes),
    backup.action,
    reasonsOf(backup),
  ]);
  const wal = plan.wal.map(range => [
    String(range.timeline),
    range.firstSegment,
    range.lastSegment,
    range.action,
    reasonsOf(range),
  ]);
  return [
    ...(backups.length > 0 ? [renderTable(backupColumns, backups)] : []),
    ...(wal.length > 0 ? [renderTable(walColumns, wal)] : []),
  ].join('\n');
}

function reasonsOf({ reasons }: { reasons: readonly { readonly text: string }[] }): string {
  return reasons.map(({ text }) => text).join('; ');
}

const backupColumns = [
  { title: 'BACKUP' },
  { title: 'TYPE' },
  { title: 'ENDED' },
  { title: 'STORED', align: 'right' },
  { title: 'DECISION' },
  { title: 'REASON' },
] as const;

const walColumns = [
  { title: 'TIMELINE', align: 'right' },
  { title: 'FIRST SEGMENT' },
  { title: 'LAST SEGMENT' },
  { title: 'DECISION' },
  { title: 'REASON' },
] as const;

function summary({ removed }: SystemCleanup, { isDryRun }: CleanupResult): string {
  const { backups, objectCount, freedBytes, locked } = removed;
  const count = `${backups.length} ${backups.length === 1 ? 'backup' : 'backups'}, ${objectCount} ${objectCount === 1 ? 'object' : 'objects'}`;
  return `${isDryRun ? 'would remove' : 'removed'} ${count}; ${formatSize(freedBytes)} ${isDryRun ? 'would be free' : 'freed'}${lockedNote(locked)}\n`;
}

function lockedNote(locked: SystemCleanup['removed']['locked']): string {
  if (locked === undefined) return '';
  return `; ${formatCount(locked.objectCount, 'object')} locked until ${locked.until.toISOString()}`;
}

/** The published shape (docs/reference/json.md). */
export function cleanupJson(result: CleanupResult): unknown {
  return {
    dryRun: result.isDryRun,
    repositories: result.repositories.map(({ name, url, policy, systems, unfinishedWrites, failures }) => ({
      name,
      url,
      policy: policy === undefined ? null : policyJson(policy),
      failures: failures.map(({ message, hint }) => ({ message, hint: hint ?? null })),
      systems: systems.map(systemJson),
      unfinishedWrites: unfinishedWrites.map(({ key, lastWritten, sizeBytes }) => ({
        key,
        lastWritten: lastWritten.toISOString(),
        storedBytes: sizeBytes ?? null,
      })),
    })),
  };
}

function systemJson({ systemId, plan, removed }: SystemCleanup): unknown {
  return {
    systemId,
    backups: plan.backups.map(backup => ({
      id: backup.id,
      state: backup.state,
      type: backup.type ?? null,
      timeline: backup.timeline ?? null,
      stopTime: backup.stopTime ?? null,
      storedBytes: backup.storedBytes,
      action: backup.action,
      reasons: backup.reasons,
      continuesToEnd: backup.isWindowStart,
    })),
    wal: plan.wal.map(({ timeline, firstSegment, lastSegment, action, reasons }) => ({
      timeline,
      firstSegment,
      lastSegment,
      action,
      reasons,
    })),
    remarks: plan.remarks.map(({ message, hint }) => ({ message, hint: hint ?? null })),
    removed: {
      backups: removed.backups,
      objectCount: removed.objectCount,
      freedBytes: removed.freedBytes,
      locked: removed.locked ?? null,
      yielded: removed.yielded,
    },
  };
}
