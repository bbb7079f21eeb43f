/**
 * A status as metrics for Prometheus' textfile collector (text-based format, version 0.0.4): base units, HELP and TYPE
 * once for each name. What is not known has no sample.
 */
import type { Level } from '../../../operations/status/level.ts';
import type { RepositoryStatus, Status } from '../../../operations/status/result.ts';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | undefined];

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  readonly samples: readonly Sample[];
}

const levels: readonly Level[] = ['ok', 'warning', 'critical', 'unknown'];

export function renderPrometheus(status: Status): string {
  return metricsOf(status).map(renderMetric).join('');
}

function metricsOf(status: Status): Metric[] {
  const { cluster, at, level, findings, server, walDirectory, agent, limits } = status;
  const labels = { cluster };
  const gauge = (name: string, help: string, value: number | undefined): Metric => ({
    name: `walvault_${name}`,
    help,
    type: 'gauge',
    samples: [[labels, value]],
  });
  const counter = (name: string, help: string, value: number | undefined): Metric => ({
    ...gauge(name, help, value),
    type: 'counter',
  });
  return [
    {
      ...gauge('status', 'Whether the cluster is in this state.', undefined),
      samples: levels.map(one => [{ ...labels, level: one }, one === level ? 1 : 0] as const),
    },
    {
      ...gauge('finding', 'A finding, which has this level.', undefined),
      samples: [...new Map(findings.map(one => [`${one.code} ${one.subject}`, one])).values()].map(
        ({ code, subject, level: found }) => [{ ...labels, code, subject, level: found }, 1] as const,
      ),
    },
    gauge('status_timestamp_seconds', 'When the status was gathered.', at.getTime() / 1000),
    gauge('max_lag_seconds', 'The setting status.max-lag.', limits.maxLagMs / 1000),
    gauge('backup_interval_seconds', 'The setting status.backup-interval.', seconds(limits.backupIntervalMs)),
    ...repositoryMetrics(status),
    gauge('server_up', 'Whether the server was asked and answered.', server === undefined ? 0 : 1),
    gauge('server_wal_position_bytes', 'The position of the server in its WAL.', server?.positionBytes),
    counter('archived_files_total', 'Files archived, by pg_stat_archiver.', server?.archivedCount),
    counter(
      'archive_failures_total',
      'Failures of archive_command, by pg_stat_archiver.',
      server?.failedCount,
    ),
    gauge('archive_failing', 'Whether nothing was archived since the last failure.', flag(server?.isFailing)),
    gauge(
      'last_archived_timestamp_seconds',
      'When the last file was archived, by pg_stat_archiver.',
      timestamp(server?.lastArchivedAt),
    ),
    gauge('pg_wal_ready_segments', 'Segments that wait to be archived.', walDirectory.readySegments),
    gauge('pg_wal_ready_bytes', 'Bytes of WAL that wait to be archived.', walDirectory.readyBytes),
    gauge('pg_wal_size_bytes', 'Size of the file system of pg_wal.', walDirectory.disk?.sizeBytes),
    gauge('pg_wal_free_bytes', 'Free bytes on the file system of pg_wal.', walDirectory.disk?.freeBytes),
    gauge(
      'pg_wal_full_timestamp_seconds',
      "When pg_wal would be full at today's rate if nothing were archived from now on.",
      timestamp(walDirectory.fullAt),
    ),
    gauge('agent_up', 'Whether an agent runs and answers.', agentUp(agent?.kind)),
  ];
}

function repositoryMetrics({ cluster, repositories }: Status): Metric[] {
  const gauge = (
    name: string,
    help: string,
    valueOf: (repository: RepositoryStatus) => number | undefined,
  ): Metric => ({
    name: `walvault_${name}`,
    help,
    type: 'gauge',
    samples: repositories.map(one => [{ cluster, repository: one.name }, valueOf(one)] as const),
  });
  return [
    gauge('repository_readable', 'Whether the repository could be read.', one => flag(one.isReadable)),
    gauge('repository_required', 'Whether a push waits for the repository.', one => flag(one.required)),
    gauge('lag_seconds', 'Age of the oldest WAL that may not be archived yet.', one => seconds(one.lag.ms)),
    gauge('lag_bytes', 'WAL that the server has written and the archive has not.', one => one.lag.bytes),
    gauge(
      'newest_position_bytes',
      'The newest recoverable position in the WAL.',
      one => one.newest?.positionBytes,
    ),
    gauge('newest_timestamp_seconds', 'When the newest recoverable WAL reached the repository.', one =>
      timestamp(one.newest?.time),
    ),
    gauge('oldest_timestamp_seconds', 'The oldest recoverable moment.', one => timestamp(one.oldest?.time)),
    gauge('windows', 'Recoverable windows; more than one means holes between them.', one =>
      one.isReadable ? one.windowCount : undefined,
    ),
    gauge('gaps', 'Gaps that nobody has acknowledged.', one =>
      one.isReadable ? one.gaps.filter(({ isAcknowledged }) => !isAcknowledged).length : undefined,
    ),
    gauge('backups', 'Backups in the catalogue.', one => (one.isReadable ? one.backups.count : undefined)),
    gauge('restorable_backups', 'Backups that can be restored.', one =>
      one.isReadable ? one.backups.restorableCount : undefined,
    ),
    gauge('backup_timestamp_seconds', 'When the newest backup ended.', one =>
      timestamp(one.backups.newest?.stopTime),
    ),
    gauge('backup_duration_seconds', 'How long the newest backup took.', ({ backups: { newest } }) =>
      newest === undefined ? undefined : (newest.stopTime.getTime() - newest.startTime.getTime()) / 1000,
    ),
    gauge('backup_size_bytes', 'Plain size of the newest backup.', one => one.backups.newest?.sizeBytes),
    gauge('backup_stored_bytes', 'Stored size of the newest backup.', one => one.backups.newest?.storedBytes),
    gauge(
      'backup_anomalies',
      'What of the newest backup is out of the ordinary.',
      one => one.backups.newest?.anomalies.length,
    ),
    gauge('backup_due_timestamp_seconds', 'When the next backup is due.', one =>
      timestamp(one.backups.dueAt),
    ),
    gauge('stored_wal_bytes', 'Stored bytes of WAL.', one => one.stored?.walBytes),
    gauge('stored_backup_bytes', 'Stored bytes of backups.', one => one.stored?.backupBytes),
    gauge('growth_bytes_per_second', 'Bytes that are added, on average of the last days.', ({ growth }) =>
      growth === undefined ? undefined : (growth.walBytesPerDay + growth.backupBytesPerDay) / 86_400,
    ),
    gauge('cost_per_month', 'Cost of what is stored, by price-per-gib.', one => one.costPerMonth),
    gauge('repository_size_bytes', 'Size of the file system of the repository.', one => one.disk?.sizeBytes),
    gauge(
      'repository_free_bytes',
      'Free bytes on the file system of the repository.',
      one => one.disk?.freeBytes,
    ),
    gauge('repository_full_timestamp_seconds', 'When it is full if nothing is removed.', one =>
      timestamp(one.disk?.fullAt),
    ),
    gauge('verified_timestamp_seconds', 'When verify last found no damage.', one =>
      timestamp(one.verified.lastSound?.at),
    ),
    gauge(
      'verified_damage',
      'Findings of damage when it was last verified.',
      one => one.verified.last?.damaged,
    ),
    gauge('restores', 'Restores that hold a backup and its WAL.', one =>
      one.isReadable ? one.restores.length : undefined,
    ),
    gauge('passed_over_objects', 'Objects that count for nothing.', one =>
      one.isReadable ? one.passedOver : undefined,
    ),
  ];
}

function renderMetric({ name, help, type, samples }: Metric): string {
  const lines = samples.flatMap(([labels, value]) =>
    value === undefined || !Number.isFinite(value) ? [] : [`${name}{${labelsText(labels)}} ${value}\n`],
  );
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${escaped(value)}"`)
    .join(',');
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function timestamp(time: Date | undefined): number | undefined {
  return time && time.getTime() / 1000;
}

function agentUp(kind: string | undefined): number | undefined {
  if (kind === undefined || kind === 'unknown') return undefined;
  return kind === 'running' ? 1 : 0;
}
