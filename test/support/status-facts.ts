/** Facts for tests of `status`: a healthy cluster at 11:00, drawn as for tests of the restore plan, and what is changed of it. */
import { WalGeometry } from '../../src/postgres/wal/geometry.ts';
import { findGaps } from '../../src/repository/wal/gaps.ts';
import type {
  BackupFacts,
  HostFacts,
  RepositoryFacts,
  ServerFacts,
  StatusFacts,
  SystemFacts,
} from '../../src/operations/status/facts.ts';
import { dayOf } from '../../src/repository/wal/wal-days.ts';
import { at, minute, segmentSizeBytes, surveyOf, type Drawn } from './restore-scenario.ts';

export const now = minute(60);
export const gibibyte = 1024 ** 3;
const geometry = new WalGeometry(segmentSizeBytes);

/** Backups at 10:03 and 10:21, WAL from segment 2 to 30, the last of it archived at 10:59. */
export const healthy: Drawn = {
  backups: [
    { id: 'old', from: 2.2, to: 3.1, ended: 3 },
    { id: 'new', from: 20.2, to: 21.1, ended: 21 },
  ],
  runs: [{ timeline: 1, first: 2, last: 30, seen: 59 }],
};

export function systemFacts(drawn: Drawn = healthy, changes: Partial<SystemFacts> = {}): SystemFacts {
  const survey = surveyOf(drawn);
  const { runs, tree, known = [], acknowledged = [], lost = [] } = survey;
  const segments = runs.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
  return {
    systemId: 1n,
    firstSeen: new Date(now.getTime() - 86_400_000),
    archive: {
      geometry,
      survey,
      days: new Map([[dayOf(now), { segments, storedBytes: segments * 1000 }]]),
      gaps: findGaps({ runs, known, acknowledged, tree, geometry }),
      lost,
    },
    backups: survey.backups.map((record): BackupFacts => ({
      record,
      verdict: { status: 'good', fingerprint: 'ab' },
      committedAt: record.stopTime,
      storedBytes: 1000,
      problem: undefined,
    })),
    unreadable: { count: 0, first: undefined },
    passedOver: { count: 0, first: undefined },
    anomalies: new Map(),
    verified: {},
    restores: [],
    backupBytes: 2000,
    unfinished: [],
    ...changes,
  };
}

export function repositoryFacts(
  system: SystemFacts | undefined = systemFacts(),
  changes: Partial<RepositoryFacts> = {},
): RepositoryFacts {
  return {
    name: 'main',
    url: 'file:///srv/walvault',
    required: true,
    pricePerGib: undefined,
    hasRetention: true,
    systems: { known: [system] },
    disk: { known: { sizeBytes: 1000 * gibibyte, freeBytes: 800 * gibibyte } },
    ...changes,
  };
}

/** A primary that has written half a segment since the last one was archived. */
export function serverFacts(changes: Partial<ServerFacts> = {}): ServerFacts {
  return {
    systemId: 1n,
    isStandby: false,
    timeline: 1,
    geometry,
    archiveMode: 'on',
    archiveTimeoutSeconds: 60,
    archiver: {
      archivedCount: 29,
      lastArchivedWal: geometry.nameOf(1, 30n),
      lastArchivedAt: minute(59),
      failedCount: 0,
      lastFailure: undefined,
    },
    lsn: at(31.5),
    readySegments: 0,
    ...changes,
  };
}

export function hostFacts(changes: Partial<HostFacts> = {}): HostFacts {
  return {
    dataDirectory: '/var/lib/postgresql/15/main',
    control: { systemId: 1n, geometry },
    readySegments: { known: 0 },
    disk: { known: { sizeBytes: 100 * gibibyte, freeBytes: 60 * gibibyte } },
    ...changes,
  };
}

export function statusFacts(changes: Partial<StatusFacts> = {}): StatusFacts {
  return {
    cluster: 'orders',
    backupIntervalMs: 86_400_000,
    maxLagMs: 900_000,
    queueLimitBytes: undefined,
    repositories: [repositoryFacts()],
    server: { known: serverFacts() },
    host: { known: hostFacts() },
    agent: { kind: 'running', pid: 77, version: '0.1.0', pushed: 29, failed: 0 },
    ...changes,
  };
}
