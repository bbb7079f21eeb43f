/**
 * The file `backup_label`, as pg_backup_stop returns it and PostgreSQL reads it (xlogbackup.c, build_backup_content).
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseWalFileName } from '../wal/file-name.ts';
import { formatLsn, parseLsn, type Lsn } from '../wal/lsn.ts';

export const backupLabelName = 'backup_label';

export interface BackupLabel {
  startLsn: Lsn;
  startTimeline: number;
  /** The name of the segment that holds `startLsn`. */
  startSegment: string;
  checkpointLsn: Lsn;
  /** As the server wrote it, in the time zone of its log. */
  startTime: string;
  label: string;
  backupFrom: 'primary' | 'standby';
  /** PostgreSQL 17+, in an incremental backup only. */
  incrementalFromLsn?: Lsn;
  incrementalFromTimeline?: number;
}

/** @throws WalvaultError `damaged` */
export function parseBackupLabel(text: string): BackupLabel {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2).replace(/\r$/, ''));
  }
  const start = /^([0-9A-F]+\/[0-9A-F]+) \(file ([0-9A-F]{24})\)$/.exec(field(fields, 'START WAL LOCATION'));
  const segment = parseWalFileName(start?.[2] ?? '');
  if (start === null || segment === undefined) throw damaged('START WAL LOCATION');
  const incrementalFrom = fields.get('INCREMENTAL FROM LSN');
  const incrementalTimeline = fields.get('INCREMENTAL FROM TLI');
  return {
    startLsn: lsnField(start[1] ?? '', 'START WAL LOCATION'),
    // Labels before PostgreSQL 11 had no timeline; the segment's name always does.
    startTimeline: numberField(fields.get('START TIMELINE') ?? String(segment.timeline), 'START TIMELINE'),
    startSegment: segment.name,
    checkpointLsn: lsnField(field(fields, 'CHECKPOINT LOCATION'), 'CHECKPOINT LOCATION'),
    startTime: fields.get('START TIME') ?? '',
    label: fields.get('LABEL') ?? '',
    backupFrom: fields.get('BACKUP FROM') === 'standby' ? 'standby' : 'primary',
    ...(incrementalFrom === undefined
      ? {}
      : { incrementalFromLsn: lsnField(incrementalFrom, 'INCREMENTAL FROM LSN') }),
    ...(incrementalTimeline === undefined
      ? {}
      : { incrementalFromTimeline: numberField(incrementalTimeline, 'INCREMENTAL FROM TLI') }),
  };
}

/** The label with the lines that PostgreSQL 17 adds for an incremental backup, and pg_combinebackup reads (xlogbackup.c). */
export function withIncrementalLines(
  label: string,
  parent: { readonly startLsn: Lsn; readonly timeline: number },
): string {
  const end = label.endsWith('\n') ? '' : '\n';
  return `${label}${end}INCREMENTAL FROM LSN: ${formatLsn(parent.startLsn)}\nINCREMENTAL FROM TLI: ${parent.timeline}\n`;
}

/**
 * The label without the lines that PostgreSQL 17 adds for an incremental backup. A server refuses to start from a label
 * with these lines (xlogrecovery.c, read_backup_label), and a restored directory is a full one.
 */
export function withoutIncrementalLines(label: string): string {
  return label
    .split('\n')
    .filter(line => !line.startsWith('INCREMENTAL FROM '))
    .join('\n');
}

function field(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name);
  if (value === undefined) throw damaged(name);
  return value;
}

function lsnField(text: string, name: string): Lsn {
  try {
    return parseLsn(text);
  } catch (error) {
    throw damaged(name, error);
  }
}

function numberField(text: string, name: string): number {
  if (!/^\d{1,10}$/.test(text)) throw damaged(name);
  return Number(text);
}

function damaged(name: string, cause?: unknown): WalvaultError {
  return new WalvaultError('damaged', `backup_label: no valid line "${name}"`, { cause });
}
