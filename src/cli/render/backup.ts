/** The result of `backup`, for people and as JSON. */
import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import type { BackupResult } from '../../operations/backup/backup.ts';
import { summariseBackup } from '../../operations/backup/summary.ts';

/** For people: where the backup is, its size, and any problems. */
export function renderBackup(result: BackupResult): string {
  const { record, repositories, durationMs } = result;
  const { storedBytes, walSegments } = summariseBackup(record);
  const ratio = storedBytes === 0 ? '' : ` (${(record.sizeBytes / storedBytes).toFixed(1)} to 1)`;
  const lines = [
    `backup ${record.id}`,
    `  size      ${formatSize(record.sizeBytes)} in ${formatCount(record.fileCount, 'file')}, stored in ${formatSize(storedBytes)}${ratio}`,
    `  WAL       ${walSegments}`,
    `  in        ${repositories.join(', ')}`,
    `  took      ${formatDuration(durationMs)}`,
  ];
  if (record.changesFrom !== undefined) lines.push(`  changes   ${changesLine(record)}`);
  if (record.keepUntil !== undefined) lines.push(`  kept      until ${record.keepUntil.toISOString()}`);
  if (record.resumed !== undefined) {
    const { attempt, partCount, storedSizeBytes } = record.resumed;
    lines.push(
      `  resumed   attempt ${attempt}, with ${formatCount(partCount, 'part')} of earlier ones (${formatSize(storedSizeBytes)} stored)`,
    );
  }
  for (const { description } of result.lostWal) lines.push(`  GAP       before it: ${description}`);
  for (const one of result.anomalies) lines.push(`  UNUSUAL   ${one.description}`);
  if (record.damagedPages > 0)
    lines.push(
      `  DAMAGED   ${formatCount(record.damagedPages, 'page')} with wrong checksums; see the warnings`,
    );
  return `${lines.join('\n')}\n`;
}

function changesLine({ parent, changesFrom, audited }: BackupResult['record']): string {
  const how = changesFrom === 'summaries' ? 'by WAL summaries' : 'by digests of all pages';
  const audit =
    audited === undefined
      ? ''
      : `; WAL summaries ${audited.missedPages === 0 ? 'audited' : `MISSED ${formatCount(audited.missedPages, 'page')}`}`;
  return `since ${parent}, found ${how}${audit}`;
}

/** The published shape (docs/reference/json.md), with the figures derived from the commit record. */
export function backupJson(result: BackupResult) {
  const { geometry, ...record } = result.record;
  const { segmentSizeBytes } = geometry;
  return { ...result, record: { ...record, segmentSizeBytes }, ...summariseBackup(result.record) };
}
