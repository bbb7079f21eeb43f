/**
 * A status as a line for Nagios, Icinga and their like: `WALVAULT OK - … | label=value…` (Monitoring Plugins Development
 * Guidelines, "Plugin Output for Nagios" and "Performance data").
 */
import { formatDuration } from '../../../base/units.ts';
import type { Level } from '../../../operations/status/level.ts';
import type { RepositoryStatus, Status } from '../../../operations/status/result.ts';

/** The exit statuses of a plugin. */
export const nagiosStatuses: Record<Level, number> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

export function renderNagios(status: Status): string {
  const { level, findings } = status;
  const [first] = findings;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  const text = first === undefined ? soundText(status) : `${first.subject}: ${first.message}${more}`;
  return nagiosLine(level, `${status.cluster}: ${text}`, figures(status).join(' '));
}

/** The line for a run that could not look at anything. */
export function nagiosProblem(message: string): string {
  return nagiosLine('unknown', message, '');
}

function nagiosLine(level: Level, text: string, figures: string): string {
  // A bar begins the figures, and a line break ends what is shown.
  const shown = text.replaceAll('|', '/').replaceAll(/\s+/g, ' ');
  return `WALVAULT ${level.toUpperCase()} - ${shown}${figures === '' ? '' : ` | ${figures}`}\n`;
}

function soundText({ repositories, at }: Status): string {
  return repositories
    .map(({ name, oldest, lag }) => {
      const back =
        oldest?.time === undefined ? '' : ` ${formatDuration(at.getTime() - oldest.time.getTime())} back`;
      return `"${name}" recovers${back} to ${lag.ms === undefined ? 'an unknown time' : formatDuration(lag.ms)} ago`;
    })
    .join(', ');
}

/** `label=value[UOM];[warn];[crit];[min];[max]`; what is not known is left out. */
function figures({ repositories, walDirectory, limits }: Status): string[] {
  const { maxLagMs, backupIntervalMs } = limits;
  const { readySegments, disk } = walDirectory;
  return [
    ...repositories.flatMap(repository => repositoryFigures(repository, maxLagMs, backupIntervalMs)),
    ...figure('pg_wal_ready', readySegments, { unit: '' }),
    ...figure('pg_wal_free', disk?.freeBytes, { unit: 'B', max: disk?.sizeBytes }),
  ];
}

function repositoryFigures(
  { name, isReadable, lag, backups, stored, disk, windowCount, gaps }: RepositoryStatus,
  maxLagMs: number,
  intervalMs: number | undefined,
): string[] {
  if (!isReadable) return [];
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms / 1000));
  const storedBytes = stored && stored.walBytes + stored.backupBytes;
  return [
    ...figure(`${name}_lag`, seconds(lag.ms), {
      unit: 's',
      warning: seconds(maxLagMs),
      critical: seconds(4 * maxLagMs),
    }),
    ...figure(`${name}_lag_bytes`, lag.bytes, { unit: 'B' }),
    ...figure(`${name}_backups`, backups.restorableCount, { unit: '' }),
    ...figure(`${name}_backup_interval`, seconds(intervalMs), { unit: 's' }),
    ...figure(`${name}_windows`, windowCount, { unit: '' }),
    ...figure(`${name}_gaps`, gaps.filter(({ isAcknowledged }) => !isAcknowledged).length, { unit: '' }),
    ...figure(`${name}_stored`, storedBytes, { unit: 'B' }),
    ...figure(`${name}_free`, disk?.freeBytes, { unit: 'B', max: disk?.sizeBytes }),
  ];
}

interface FigureOptions {
  readonly unit: 's' | 'B' | '';
  readonly warning?: number | undefined;
  readonly critical?: number | undefined;
  readonly max?: number | undefined;
}

function figure(label: string, value: number | undefined, options: FigureOptions): string[] {
  if (value === undefined) return [];
  const { unit, warning = '', critical = '', max = '' } = options;
  const fields = [`${value}${unit}`, warning, critical, 0, max].join(';').replace(/;$/, '');
  return [`'${label}'=${fields}`];
}
