/** The result of `list`, for people and as JSON. */
import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import type { ListedBackup, RepositoryListing, SystemListing } from '../../operations/list/listing.ts';
import type { Hole, LostRange, TimelineListing } from '../../operations/list/timelines.ts';
import { describeDamagedPages } from '../../operations/damaged-pages.ts';
import { renderTable } from './table.ts';

export function renderList(listings: readonly RepositoryListing[]): string {
  return listings.map(renderRepository).join('\n');
}

function renderRepository(listing: RepositoryListing): string {
  const { name, url, required, systems, sideBySideProblem, problem } = listing;
  const title = `repository "${name}" (${url})${required ? '' : ', best effort'}\n`;
  if (problem !== undefined) return `${title}cannot be read: ${problem.message}\n`;
  if (systems.length === 0) return `${title}holds nothing of this cluster yet\n${renderBacklog(listing)}`;
  const doubled = sideBySideProblem === undefined ? '' : `\n${sideBySideProblem}\n`;
  return title + systems.map(renderSystem).join('') + doubled + renderBacklog(listing);
}

/** The backlog of a best-effort repository, so that nobody has to guess what it lacks. */
function renderBacklog({ name, required, backlog }: RepositoryListing): string {
  if (required) return '';
  if (backlog === undefined) return '\nwhat it lacks is not known: nothing to compare it with can be read\n';
  const others = backlog.comparedWith.map(other => `"${other}"`).join(', ');
  if (backlog.systems.length === 0) return `\nlacks nothing that ${others} holds\n`;
  const lines = backlog.systems.flatMap(({ systemId, backups, wal, histories }) => [
    ...backups.map(id => `backup ${id} of system ${systemId}`),
    ...histories.map(timeline => `the history of timeline ${timeline} of system ${systemId}`),
    ...wal.map(hole => `WAL ${rangeOf(hole)} of system ${systemId}`),
  ]);
  return `\nlacks of what ${others} holds:\n${lines.map(line => `  ${line}\n`).join('')}  (\`walvault copy --from ${backlog.comparedWith[0] ?? ''} --to ${name}\` brings it)\n`;
}

/** Anybody who can add objects can add very many. */
const mostNamed = 10;

function renderSystem(system: SystemListing): string {
  const { systemId, postgresMajor, backups, unreadable, timelines } = system;
  const lines = [
    `\nsystem ${systemId}${postgresMajor === undefined ? '' : `, PostgreSQL ${postgresMajor}`}\n`,
  ];
  if (backups !== undefined)
    lines.push(
      backups.length === 0 ? 'no backups\n' : renderTable(backupColumns, backups.map(backupRow)),
      ...backups.flatMap(brokenLines),
    );
  for (const { id, problem } of unreadable?.first.slice(0, mostNamed) ?? [])
    lines.push(`${id}: its record cannot be used: ${problem}\n`);
  if (unreadable !== undefined && unreadable.count > mostNamed)
    lines.push(`${unreadable.count - mostNamed} more records cannot be used\n`);
  const [passed] = system.passedOver.first;
  if (passed !== undefined)
    lines.push(
      `${formatCount(system.passedOver.count, 'object')} ${system.passedOver.count === 1 ? 'counts' : 'count'} for nothing: ${passed.key} ${passed.problem}\n`,
    );
  if (timelines !== undefined)
    lines.push(
      backups === undefined ? '' : '\n',
      timelines.length === 0 ? 'no WAL\n' : renderTable(walColumns, timelines.map(timelineRow)),
      ...timelines.flatMap(troubleLines),
      ...timelines.flatMap(coldLines),
    );
  return lines.join('');
}

const backupColumns = [
  { title: 'BACKUP' },
  { title: 'TYPE' },
  { title: 'ENDED' },
  { title: 'TOOK', align: 'right' },
  { title: 'SIZE', align: 'right' },
  { title: 'STORED', align: 'right' },
  { title: 'ENCRYPTED TO' },
  { title: 'TIMELINE', align: 'right' },
  { title: 'START' },
  { title: 'STOP' },
  { title: 'PARENT' },
  { title: 'REMARKS' },
] as const;

function backupRow(backup: ListedBackup): string[] {
  const { record, storedBytes } = backup;
  return [
    record.id,
    record.type,
    record.stopTime.toISOString(),
    formatDuration(record.stopTime.getTime() - record.startTime.getTime()),
    formatSize(record.sizeBytes),
    formatSize(storedBytes),
    readersOf(backup),
    String(record.timeline),
    backup.startLsn,
    backup.stopLsn,
    record.parent ?? '',
    remarksOf(backup).join(', '),
  ];
}

/** The keys by the ends of their fingerprints, which gpg calls long key ids. */
function readersOf({ record, isEncrypted }: ListedBackup): string {
  if (!isEncrypted) return 'nobody';
  if (record.recipients === undefined) return 'keys not noted';
  if (record.recipients.length === 0) return 'a passphrase';
  return record.recipients.map(fingerprint => fingerprint.slice(-16)).join(' ');
}

function remarksOf(backup: ListedBackup): string[] {
  const { record, verdict, isPinned, cold, missingObjects, missingWal } = backup;
  return [
    ...(missingObjects.count > 0 ? [`${formatCount(missingObjects.count, 'object')} missing`] : []),
    ...(missingWal.length > 0 ? ['its WAL is missing'] : []),
    ...(verdict.status === 'good' ? [] : [remarkOf(verdict)]),
    ...(record.damagedPages > 0 ? [formatCount(record.damagedPages, 'damaged page')] : []),
    ...(record.backupFrom === 'standby' ? ['from a standby'] : []),
    ...(isPinned ? ['pinned'] : []),
    ...Object.entries(cold).map(([tier, count]) => `${count} objects in ${tier}`),
    ...(record.label === '' || record.label === record.id ? [] : [`label "${record.label}"`]),
  ];
}

function remarkOf({ status }: { readonly status: string }): string {
  return status === 'unsigned' ? status : `signature ${status}`;
}

/** Why a backup cannot be restored from what is there, or not without damage. */
function brokenLines({ record, whyNotWhole, missingWal }: ListedBackup): string[] {
  return [
    ...(whyNotWhole === undefined ? [] : [`backup ${record.id} is not whole: ${whyNotWhole}\n`]),
    ...missingWal.map(range => `backup ${record.id} needs ${rangeOf(range)}, which is not archived\n`),
    ...(record.damagedPages > 0 ? [`backup ${record.id} has ${describeDamagedPages(record)}\n`] : []),
  ];
}

const walColumns = [
  { title: 'TIMELINE', align: 'right' },
  { title: 'FROM' },
  { title: 'FIRST SEGMENT' },
  { title: 'LAST SEGMENT' },
  { title: 'SEGMENTS', align: 'right' },
  { title: 'STORED', align: 'right' },
  { title: 'LAST ARCHIVED' },
  { title: 'MISSING', align: 'right' },
] as const;

function timelineRow(timeline: TimelineListing): string[] {
  const { parent, switchpoint } = timeline;
  return [
    String(timeline.timeline),
    parent === undefined || switchpoint === undefined ? '' : `${parent} at ${switchpoint}`,
    timeline.firstSegment ?? '',
    timeline.lastSegment ?? '',
    String(timeline.segmentCount),
    formatSize(timeline.storedBytes),
    timeline.lastArchivedAt?.toISOString() ?? '',
    String(timeline.holes.reduce((sum, hole) => sum + hole.segmentCount, 0)),
  ];
}

function troubleLines(listing: TimelineListing): string[] {
  const { timeline, historyProblem, wentOnBeside, holes, removed, lost } = listing;
  return [
    ...(historyProblem === undefined
      ? []
      : [`timeline ${timeline} cannot be followed, its history cannot be read: ${historyProblem}\n`]),
    ...wentOnBeside.map(({ description }) => `${description}\n`),
    ...holes.map(
      hole => `timeline ${timeline} lacks ${rangeOf(hole)}: ${hole.shownBy}${acceptanceOf(hole)}\n`,
    ),
    ...removed.map(range => `timeline ${timeline}: cleanup removed ${rangeOf(range)}\n`),
    ...lost.map(one => `timeline ${timeline}: ${rangeOf(one)} was ${one.description}${doubtOf(one)}\n`),
  ];
}

function acceptanceOf({ acknowledged }: Hole): string {
  if (acknowledged === undefined) return '';
  const { user, host, reason, acknowledgedAt } = acknowledged;
  return `; ${user} on ${host} acknowledged the loss ${acknowledgedAt.toISOString()}: ${reason}`;
}

function doubtOf({ signature }: LostRange): string {
  return signature === undefined || signature.status === 'good'
    ? ''
    : ` (the note of it: ${remarkOf(signature)})`;
}

function coldLines({ timeline, cold }: TimelineListing): string[] {
  return Object.entries(cold).map(
    ([tier, count]) =>
      `timeline ${timeline} has ${count} segments in ${tier}, which must be thawed to be read\n`,
  );
}

function rangeOf({
  firstSegment,
  lastSegment,
  segmentCount,
}: Pick<Hole, 'firstSegment' | 'lastSegment' | 'segmentCount'>): string {
  return segmentCount === 1 ? firstSegment : `${firstSegment}..${lastSegment} (${segmentCount} segments)`;
}

/** The published shape (docs/reference/json.md). */
export function listJson(listings: readonly RepositoryListing[]): unknown {
  return listings.map(({ name, url, required, problem, backlog, sideBySide, systems }) => ({
    name,
    url,
    required,
    backlog: backlog ?? null,
    problem: problem?.message ?? null,
    sideBySide: sideBySide.map(String),
    systems: systems.map(
      ({ systemId, postgresMajor, geometry, backups, unreadable, timelines, passedOver }) => ({
        systemId,
        postgresMajor: postgresMajor ?? null,
        segmentSizeBytes: geometry?.segmentSizeBytes ?? null,
        backups: backups?.map(backupJson),
        unreadable: unreadable?.first.map(({ id, problem }) => ({ id, problem })),
        unreadableCount: unreadable?.count,
        passedOver: { count: passedOver.count, first: passedOver.first },
        timelines: timelines?.map(timelineJson),
      }),
    ),
  }));
}

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
    fileCount: record.fileCount,
    dataChecksums: record.dataChecksums,
    damagedPages: record.damagedPages,
    // Undefined: none, or an older record.
    namedDamagedPages: record.namedDamagedPages,
    encrypted: backup.isEncrypted,
    recipients: record.recipients ?? null,
    signature: verdict,
    pinned: backup.isPinned,
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
