/** The result of `restore`, for people. */
import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import { describeDamagedPages } from '../../operations/damaged-pages.ts';
import type { RestoreSummary } from '../../operations/restore/summary.ts';
import { describeConfiguration, renderOverrides } from './copy-settings.ts';

/** The plan, and the steps left for a person. */
export function renderRestore(summary: RestoreSummary): string {
  const lines = [
    headline(summary),
    '',
    ...describePlan(summary).map(([name, value]) => `  ${name.padEnd(15)} ${value}`),
    '',
    ...renderOverrides(summary),
    ...(summary.restored ? ['', ...nextSteps(summary)] : []),
  ];
  return lines.map(line => `${line}\n`).join('');
}

function headline({ restored, delta, directory, elapsedMs }: RestoreSummary): string {
  if (restored) return `Restored ${delta ? 'onto' : 'into'} ${directory} in ${formatDuration(elapsedMs)}.`;
  return delta
    ? `Would replace what differs in ${directory}, remove what the backup does not have, and move its pg_wal aside; nothing was written.`
    : `Would restore into ${directory}; nothing was written.`;
}

function describePlan(summary: RestoreSummary): [string, string][] {
  const { backup, wal, settings } = summary;
  const size = `${formatSize(backup.sizeBytes)}, ${formatCount(backup.fileCount, 'file')}`;
  return [
    ['backup', `${backup.id} (${size}), ended ${backup.stopTime}, from ${summary.repository}`],
    ['target', `${summary.target}${whereFound(summary)}`],
    ...sparedLine(summary),
    ['timeline', settings.mode === 'standby' ? 'the newest' : String(summary.targetTimeline)],
    [
      'WAL',
      wal === null
        ? 'none'
        : `${wal.first} to ${wal.last}, ${formatCount(wal.segments, 'segment')}, all archived`,
    ],
    ...databaseLines(summary),
    ...summary.tablespaces.map(({ oid, from, to }): [string, string] => [
      'tablespace',
      `${oid} in ${to}${from === to ? '' : `, was in ${from}`}`,
    ]),
    ...linkLines(summary),
    ['restore_command', settings.restoreCommand],
    ['archive_mode', settings.archiveMode === 'off' ? 'off' : 'as it was'],
    ['subscriptions', settings.subscriptions === 'off' ? 'off' : 'as they were'],
  ];
}

function databaseLines({ databases }: RestoreSummary): [string, string][] {
  if (databases === null) return [];
  return [
    ['databases', namesOf(databases.restored)],
    ['placeholders', databases.placeholders.length === 0 ? 'none' : namesOf(databases.placeholders)],
  ];
}

/** A server may have thousands. */
const shownNames = 20;

function namesOf(databases: readonly { readonly name: string }[]): string {
  const names = databases
    .slice(0, shownNames)
    .map(({ name }) => name)
    .join(', ');
  return databases.length > shownNames ? `${names} and ${databases.length - shownNames} more` : names;
}

function placeholderNote({ databases, server }: RestoreSummary): readonly string[] {
  if (databases === null || databases.placeholders.length === 0 || server === null) return [];
  return [
    'The placeholders are databases without data that nobody can connect to: "drop database" removes them. To move a restored',
    'database into another server, dump it here with pg_dump.',
  ];
}

function sparedLine({ spared }: RestoreSummary): [string, string][] {
  if (spared === null) return [];
  const { dropped, askedTarget } = spared;
  return [
    [
      '',
      `just before the DROP of ${dropped}, which would be unusable at ${askedTarget}; no commit lies between`,
    ],
  ];
}

function linkLines({ links, walDirectory }: RestoreSummary): [string, string][] {
  const lines = links
    .filter(({ path }) => path !== 'pg_wal' || walDirectory === null)
    .map(({ path, location }): [string, string] => [
      'directory',
      `${path} itself, was a link to ${location}${path === 'pg_wal' ? ' (--waldir makes a link again)' : ''}`,
    ]);
  return walDirectory === null ? lines : [['pg_wal', `a link to ${walDirectory}`], ...lines];
}

function whereFound({ stopsAt, lastCommit }: RestoreSummary): string {
  if (stopsAt !== null) return `, at ${stopsAt.lsn}${stopsAt.time === null ? '' : `, ${stopsAt.time}`}`;
  return lastCommit === null ? '' : `; the last commit in the archive is of ${lastCommit}`;
}

function nextSteps(summary: RestoreSummary): string[] {
  const { settings, backup } = summary;
  return [
    ...(summary.server === null ? stepsToStart(summary) : describeServer(summary.server)),
    ...placeholderNote(summary),
    ...describeConfiguration(summary),
    ...(backup.damagedPages === 0
      ? []
      : [`The backup has ${describeDamagedPages(backup)}. Check the data before you rely on it.`]),
    ...archiveNote(settings),
  ];
}

function stepsToStart(summary: RestoreSummary): string[] {
  const { settings, backup, target, databases } = summary;
  // Its recovery is walvault's; the error that follows says what became of it.
  if (databases !== null) return [];
  const major = Math.floor(backup.serverVersion / 10_000);
  const start =
    settings.mode === 'standby'
      ? [
          `Start PostgreSQL ${major} on it: it follows the archive, on the newest timeline, until it is promoted.`,
        ]
      : [
          `Start PostgreSQL ${major} on it; it recovers from the archive to ${target}`,
          `and then ${afterTarget[settings.targetAction]}.${isClosed(summary) ? ' Until then it takes no connections.' : ''}`,
        ];
  return [...start, ...(summary.startCommand === null ? [] : [`  ${summary.startCommand}`])];
}

function describeServer(server: NonNullable<RestoreSummary['server']>): string[] {
  const { outcome, port, socketDirectory, lsn, time, timeline, notAsked } = server;
  const where =
    port === null ? '' : ` on port ${port}${socketDirectory === null ? '' : `, ${socketDirectory}`}`;
  const reached = [
    lsn === null ? undefined : `replayed up to ${lsn}`,
    time === null ? undefined : `the last transaction is of ${time}`,
    `timeline ${timeline}`,
  ].filter(part => part !== undefined);
  return [
    `The server${where} ${outcomes[outcome]}: ${reached.join(', ')}.`,
    ...(notAsked === null ? [] : [`It could not be asked, so this is what its files say: ${notAsked}.`]),
  ];
}

const outcomes: Readonly<Record<NonNullable<RestoreSummary['server']>['outcome'], string>> = {
  promoted: 'has opened for writing',
  paused: 'has paused at its target, read-only; "select pg_wal_replay_resume()" opens it for writing',
  'shut-down': 'has shut down at its target',
  following: 'follows the archive as a standby',
  unknown: 'takes connections and still recovers, or has paused at its target',
};

function isClosed({ overrides }: RestoreSummary): boolean {
  return overrides.some(({ name, value }) => name === 'hot_standby' && value === 'off');
}

function archiveNote({ mode, archiveMode }: RestoreSummary['settings']): readonly string[] {
  if (mode === 'point-in-time') return archiveMode === 'off' ? archiveIsOff : archiveIsKept;
  return archiveMode === 'off' ? standbyArchivesNothing : standbyArchives;
}

const afterTarget: Readonly<Record<RestoreSummary['settings']['targetAction'], string>> = {
  pause:
    'pauses, read-only: look at the data, and "select pg_wal_replay_resume()" opens it for writing and frees tables that a statement it stopped before, such as a DROP, still locks',
  promote: 'opens for writing',
  shutdown: 'shuts down',
};

const archiveIsOff = [
  'It archives nothing: a copy that archives where its origin does destroys the next recovery of the origin. If it',
  'takes the place of its origin, run "alter system reset archive_mode" and restart it.',
];

const archiveIsKept = ['It archives as its origin did: make sure that the origin archives no more.'];

const standbyArchivesNothing = [
  'It archives nothing, not even after a promotion. If it is to take over, run "alter system reset archive_mode" on it',
  'before, or restore it with --archive-mode preserve.',
];

const standbyArchives = [
  'Once promoted it archives as its origin did: only one server may be the primary then.',
];
