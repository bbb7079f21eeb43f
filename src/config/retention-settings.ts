/** The settings of the retention policy: those for all repositories, and the same as a repository's own. */
import type { Setting } from './setting.ts';

/** The rules. Without any of them nothing is ever removed. */
export const retentionRules = {
  'retention.recovery-window': {
    kind: 'duration',
    min: 3_600_000,
    help: 'cleanup keeps what is needed to restore to any moment this far back: all WAL, the backups of that time, and one older backup to begin with.',
    example: '"14d"',
  },
  'retention.keep-last': {
    kind: 'integer',
    min: 1,
    help: 'cleanup keeps this many of the newest backups, with all WAL from the oldest of them on.',
    example: '7',
  },
  'retention.keep-within': {
    kind: 'duration',
    min: 3_600_000,
    help: 'cleanup keeps the backups that ended within this time, each with the WAL that makes it consistent; see recovery-window for the moments between them.',
    example: '"30d"',
  },
  'retention.keep-hourly': {
    kind: 'integer',
    min: 1,
    help: 'cleanup keeps the first backup of each of the last so many hours that have one, with the WAL that makes it consistent. docs/retention.md has the rules.',
    example: '24',
  },
  'retention.keep-daily': {
    kind: 'integer',
    min: 1,
    help: 'The same for days, as the calendar of retention.time-zone has them.',
    example: '30',
  },
  'retention.keep-weekly': {
    kind: 'integer',
    min: 1,
    help: 'The same for weeks, which begin on Monday.',
    example: '12',
  },
  'retention.keep-monthly': {
    kind: 'integer',
    min: 1,
    help: 'The same for months.',
    example: '12',
  },
  'retention.keep-yearly': {
    kind: 'integer',
    min: 1,
    help: 'The same for years.',
    example: '7',
  },
} as const satisfies Record<string, Setting>;

export const generalRetention = {
  ...retentionRules,
  'retention.minimum-backups': {
    kind: 'integer',
    min: 1,
    default: 1,
    help: 'cleanup never leaves fewer backups than this, whatever the other rules say.',
    example: '2',
  },
  'retention.time-zone': {
    kind: 'time-zone',
    default: 'UTC',
    help: 'Whose hours, days, weeks, months and years the rules mean.',
    example: '"Europe/Berlin"',
  },
} as const satisfies Record<string, Setting>;

/** In `[repository.retention]`. */
export const ownRetention = {
  ...retentionRules,
  'retention.minimum-backups': {
    kind: 'integer',
    min: 1,
    help: 'The same for this repository alone. Unset: the general setting.',
    example: '2',
  },
  'retention.time-zone': {
    kind: 'time-zone',
    help: 'The same for this repository alone. Unset: the general setting.',
    example: '"Europe/Berlin"',
  },
} as const satisfies Record<string, Setting>;
