/** The result of `list` as JSON: the published shape (docs/reference/json.md). */
import type { ListedBackup, ListedRestorePoint, RepositoryListing } from '../../operations/list/listing.ts';
import type { TimelineListing } from '../../operations/list/timelines.ts';
import { pinJson } from './pin.ts';

export function listJson(listings: readonly RepositoryListing[]): unknown {
  return listings.map(({ name, url, required, problem, backlog, sideBySide, systems }) => ({
    name,
    url,
    required,
    backlog: backlog ?? null,
    problem: problem?.message ?? null,
    sideBySide: sideBySide.map(String),
    systems: systems.map(
      ({
        systemId,
        postgresMajor,
        geometry,
        backups,
        unreadable,
        overdue,
        timelines,
        passedOver,
        restorePoints,
      }) => ({
        systemId,
        postgresMajor: postgresMajor ?? null,
        segmentSizeBytes: geometry?.segmentSizeBytes ?? null,
        backups: backups?.map(backupJson),
        unreadable: unreadable?.first.map(({ id, problem }) => ({ id, problem })),
        unreadableCount: unreadable?.count,
        overdue: overdue ?? null,
        passedOver: { count: passedOver.count, first: passedOver.first },
        timelines: timelines?.map(timelineJson),
        restorePoints: restorePoints?.map(restorePointJson),
      }),
    ),
  }));
}

/** Anybody who can add objects can add very many. */
const mostPins = 100;

function backupJson(backup: ListedBackup): unknown {
  const { record, verdict } = backup;
  return {
    id: record.id,
    type: record.type,
    parent: record.parent ?? null,
    label: record.label,
    backupFrom: record.backupFrom,
    serverVersion: record.serverVersion,
    walvaultVersion: record.walvaultVersion,
    startTime: record.startTime,
    stopTime: record.stopTime,
    committedAt: backup.committedAt,
    timeline: record.timeline,
    startLsn: backup.startLsn,
    stopLsn: backup.stopLsn,
    startSegment: backup.startSegment,
    stopSegment: backup.stopSegment,
    sizeBytes: record.sizeBytes,
    storedBytes: backup.storedBytes,
    ratio: backup.ratio ?? null,
    durationMs: backup.durationMs,
    fileCount: record.fileCount,
    // Undefined: a full backup, or an older record.
    changesFrom: record.changesFrom,
    audited: record.audited,
    dataChecksums: record.dataChecksums,
    damagedPages: record.damagedPages,
    // Undefined: none, or an older record.
    namedDamagedPages: record.namedDamagedPages,
    encrypted: backup.isEncrypted,
    recipients: record.recipients ?? null,
    signature: verdict,
    keepUntil: record.keepUntil ?? null,
    pinned: backup.pins.length > 0,
    verified: backup.verified ?? null,
    anomalies: backup.anomalies,
    pins: backup.pins.slice(0, mostPins).map(pinJson),
    cold: backup.cold,
    missing: {
      objects: backup.missingObjects.first.map(({ name }) => name),
      objectCount: backup.missingObjects.count,
      wal: backup.missingWal,
    },
  };
}

function timelineJson(timeline: TimelineListing): unknown {
  return {
    timeline: timeline.timeline,
    parent: timeline.parent ?? null,
    switchpoint: timeline.switchpoint ?? null,
    hasHistory: timeline.hasHistory,
    historyArchivedAt: timeline.historyArchivedAt ?? null,
    backupCount: timeline.backupCount,
    historyProblem: timeline.historyProblem,
    firstSegment: timeline.firstSegment ?? null,
    lastSegment: timeline.lastSegment ?? null,
    segmentCount: timeline.segmentCount,
    storedBytes: timeline.storedBytes,
    lastArchivedAt: timeline.lastArchivedAt ?? null,
    wentOnBeside: timeline.wentOnBeside,
    holes: timeline.holes.map(hole => ({ ...hole, acknowledged: hole.acknowledged ?? null })),
    removed: timeline.removed,
    cold: timeline.cold,
    lost: timeline.lost,
  };
}

function restorePointJson(point: ListedRestorePoint): unknown {
  const { name, timeline, lsn, madeAt, user, host, restorable, sameNameCount } = point;
  return {
    name,
    timeline,
    lsn,
    madeAt,
    user,
    host,
    restorable: restorable.state,
    backup: restorable.state === 'yes' ? restorable.backup : null,
    why: restorable.state === 'yes' ? null : restorable.why,
    sameNameCount,
  };
}
