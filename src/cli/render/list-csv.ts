/** The result of `list` as comma-separated values: one table of all repositories. */
import type { ListedKind } from '../../operations/list/list.ts';
import type { RepositoryListing, SystemListing } from '../../operations/list/listing.ts';
import { renderCsv, type CsvCell } from './csv.ts';

interface CsvTable {
  readonly titles: readonly string[];
  rowsOf(system: SystemListing): readonly (readonly CsvCell[])[];
}

export function renderListCsv(
  listings: readonly RepositoryListing[],
  what: Exclude<ListedKind, 'all'>,
): string {
  const { titles, rowsOf } = tables[what];
  const rows = listings.flatMap(({ name, systems }) =>
    systems.flatMap(system => rowsOf(system).map(row => [name, system.systemId, ...row])),
  );
  return renderCsv(['repository', 'system', ...titles], rows);
}

/** Titles are as in the JSON, where it has the field. */
const tables: Readonly<Record<Exclude<ListedKind, 'all'>, CsvTable>> = {
  backups: {
    titles: [
      ...['id', 'type', 'parent', 'label', 'startTime', 'stopTime', 'durationMs', 'timeline'],
      ...['startLsn', 'stopLsn', 'startSegment', 'stopSegment', 'sizeBytes', 'storedBytes', 'ratio'],
      ...[
        'damagedPages',
        'missingObjects',
        'signature',
        'keepUntil',
        'pins',
        'pinnedUntil',
        'pinnedBy',
        'pinNote',
      ],
      ...['verifiedAt', 'anomalies'],
    ],
    rowsOf: ({ backups = [] }) =>
      backups.map(backup => {
        const { record, pins } = backup;
        const [pin] = pins;
        return [
          ...[record.id, record.type, record.parent, record.label, record.startTime, record.stopTime],
          ...[backup.durationMs, record.timeline, backup.startLsn, backup.stopLsn, backup.startSegment],
          ...[backup.stopSegment, record.sizeBytes, backup.storedBytes, backup.ratio?.toFixed(2)],
          ...[record.damagedPages, backup.missingObjects.count, backup.verdict.status],
          ...[record.keepUntil, pins.length],
          ...[pin?.until, pin && `${pin.user} on ${pin.host}`, pin?.note, backup.verified?.verifiedAt],
          backup.anomalies.map(({ description }) => description).join('; '),
        ];
      }),
  },
  wal: {
    titles: [
      ...['timeline', 'parent', 'switchpoint', 'firstSegment', 'lastSegment', 'segmentCount'],
      ...['storedBytes', 'lastArchivedAt', 'missing'],
    ],
    rowsOf: ({ timelines = [] }) =>
      timelines.map(one => [
        ...[one.timeline, one.parent, one.switchpoint, one.firstSegment, one.lastSegment],
        ...[one.segmentCount, one.storedBytes, one.lastArchivedAt],
        one.holes.reduce((sum, { segmentCount }) => sum + segmentCount, 0),
      ]),
  },
  timelines: {
    titles: [
      ...['timeline', 'parent', 'switchpoint', 'historyArchivedAt', 'lastSegment', 'segmentCount'],
      ...['backupCount', 'lastArchivedAt', 'historyProblem'],
    ],
    rowsOf: ({ timelines = [] }) =>
      timelines.map(one => [
        ...[one.timeline, one.parent, one.switchpoint, one.historyArchivedAt, one.lastSegment],
        ...[one.segmentCount, one.backupCount, one.lastArchivedAt, one.historyProblem],
      ]),
  },
  'restore-points': {
    titles: ['name', 'madeAt', 'timeline', 'lsn', 'user', 'host', 'restorable', 'backup', 'why'],
    rowsOf: ({ restorePoints = [] }) =>
      restorePoints.map(({ name, madeAt, timeline, lsn, user, host, restorable }) => [
        ...[name, madeAt, timeline, lsn, user, host, restorable.state],
        ...(restorable.state === 'yes' ? [restorable.backup, undefined] : [undefined, restorable.why]),
      ]),
  },
};
