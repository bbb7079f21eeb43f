/** The result of `list`, for people. */
import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import type { ListedBackup, RepositoryListing, SystemListing } from '../../operations/list/listing.ts';
import type { ListedKind } from '../../operations/list/list.ts';
import type { VerifiedBackup } from '../../operations/list/verified.ts';
import { treeOf, type TreeItem } from '../../operations/list/tree.ts';
import { describeDamagedPages } from '../../operations/damaged-pages.ts';
import { describePin, type Pin } from '../../operations/pins-in-words.ts';
import { restorePointLines } from './list-restore-points.ts';
import { timelineTreeLines, walLines } from './list-timelines.ts';
import { indented, rangeOf, remarkOf } from './list-words.ts';
import { renderTable } from './table.ts';

export interface ListLook {
  readonly what: ListedKind;
  /** The width of the terminal; undefined: nothing is left out. */
  readonly width?: number | undefined;
}

export function renderList(listings: readonly RepositoryListing[], look: ListLook = { what: 'all' }): string {
  return listings.map(listing => renderRepository(listing, look)).join('\n');
}

function renderRepository(listing: RepositoryListing, look: ListLook): string {
  const { name, url, required, systems, sideBySideProblem, problem } = listing;
  const title = `repository "${name}" (${url})${required ? '' : ', best effort'}\n`;
  if (problem !== undefined) return `${title}cannot be read: ${problem.message}\n`;
  const isWhole = look.what === 'all' || look.what === 'backups' || look.what === 'wal';
  const backlog = isWhole ? renderBacklog(listing) : '';
  if (systems.length === 0) return `${title}holds nothing of this cluster yet\n${backlog}`;
  const doubled = sideBySideProblem === undefined ? '' : `\n${sideBySideProblem}\n`;
  return title + systems.map(system => renderSystem(system, look)).join('') + doubled + backlog;
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

function renderSystem(system: SystemListing, look: ListLook): string {
  const { systemId, postgresMajor, passedOver } = system;
  const [passed] = passedOver.first;
  const counts = passedOver.count === 1 ? 'counts' : 'count';
  return [
    `\nsystem ${systemId}${postgresMajor === undefined ? '' : `, PostgreSQL ${postgresMajor}`}\n`,
    ...backupLines(system, look),
    ...(passed === undefined
      ? []
      : [
          `${formatCount(passedOver.count, 'object')} ${counts} for nothing: ${passed.key} ${passed.problem}\n`,
        ]),
    ...(look.what === 'timelines' ? timelineTreeLines(system, look.width) : walLines(system, look.width)),
    ...restorePointLines(system, look.width),
  ].join('');
}

function backupLines({ backups, unreadable, overdue }: SystemListing, { width }: ListLook): string[] {
  if (backups === undefined) return [];
  const chains = treeOf(backups, {
    idOf: ({ record }) => record.id,
    parentOf: ({ record }) => record.parent,
  });
  const table = () => renderTable(backupColumns, chains.map(backupRow), width);
  const unusable = unreadable?.first.slice(0, mostNamed) ?? [];
  const more = (unreadable?.count ?? 0) - unusable.length;
  return [
    backups.length === 0 ? 'no backups\n' : table(),
    ...backups.flatMap(brokenLines),
    ...backups.flatMap(pinLines),
    ...(overdue === undefined ? [] : [`${overdue}\n`]),
    ...unusable.map(({ id, problem }) => `${id}: its record cannot be used: ${problem}\n`),
    ...(more > 0 ? [`${more} more records cannot be used\n`] : []),
  ];
}

const backupColumns = [
  { title: 'BACKUP' },
  { title: 'TYPE', leaveOut: 7 },
  { title: 'ENDED', leaveOut: 8 },
  { title: 'TOOK', align: 'right', leaveOut: 5 },
  { title: 'SIZE', align: 'right' },
  { title: 'STORED', align: 'right' },
  { title: 'RATIO', align: 'right', leaveOut: 6 },
  { title: 'ENCRYPTED TO', leaveOut: 2 },
  { title: 'TIMELINE', align: 'right', leaveOut: 4 },
  { title: 'START', leaveOut: 3 },
  { title: 'STOP', leaveOut: 3 },
  { title: 'PARENT', leaveOut: 1 },
  { title: 'REMARKS', isFlexible: true },
] as const;

/** A backup that builds on another one stands below it. */
function backupRow({ item: backup, depth }: TreeItem<ListedBackup>): string[] {
  const { record, storedBytes, durationMs, ratio } = backup;
  return [
    indented(record.id, depth),
    record.type,
    record.stopTime.toISOString(),
    formatDuration(durationMs),
    formatSize(record.sizeBytes),
    formatSize(storedBytes),
    ratio === undefined ? '' : ratio.toFixed(1),
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
  const { record, verdict, cold, missingObjects, missingWal, pins, anomalies, verified } = backup;
  return [
    ...(missingObjects.count > 0 ? [`${formatCount(missingObjects.count, 'object')} missing`] : []),
    ...(missingWal.length > 0 ? ['its WAL is missing'] : []),
    ...(verdict.status === 'good' ? [] : [remarkOf(verdict)]),
    ...(record.damagedPages > 0 ? [formatCount(record.damagedPages, 'damaged page')] : []),
    ...(record.changesFrom === 'summaries' ? ['by WAL summaries'] : []),
    ...(record.audited === undefined ? [] : [auditRemark(record.audited)]),
    ...(record.backupFrom === 'standby' ? ['from a standby'] : []),
    ...(record.keepUntil === undefined ? [] : [`kept until ${record.keepUntil.toISOString()}`]),
    ...(pins.length > 0 ? [pinRemark(pins)] : []),
    ...(verified === undefined ? [] : [verifiedRemark(verified)]),
    ...anomalies.map(({ measure }) => `unusual ${measure}`),
    ...Object.entries(cold).map(([tier, count]) => `${count} objects in ${tier}`),
    ...(record.label === '' || record.label === record.id ? [] : [`label "${record.label}"`]),
  ];
}

function auditRemark({ missedPages }: { readonly missedPages: number }): string {
  return missedPages === 0
    ? 'audit of WAL summaries'
    : `audit: ${formatCount(missedPages, 'page')} missed by WAL summaries`;
}

/** The last end of the pins. */
function pinRemark(pins: readonly Pin[]): string {
  const ends = pins.flatMap(({ until }) => (until === undefined ? [] : [until.getTime()]));
  if (ends.length < pins.length) return 'pinned';
  return `pinned until ${new Date(Math.max(...ends)).toISOString()}`;
}

function verifiedRemark({ verifiedAt, depth, partCount, ofParts }: VerifiedBackup): string {
  const part = partCount === ofParts ? '' : `, ${partCount} of ${ofParts} parts`;
  const how = depth === 'stored' ? ' as stored' : '';
  return `verified${how} ${verifiedAt.toISOString().slice(0, 10)}${part}`;
}

/** Why a backup cannot be restored from what is there, or not without damage, and what is unusual about it. */
function brokenLines({ record, whyNotWhole, missingWal, anomalies }: ListedBackup): string[] {
  return [
    ...(whyNotWhole === undefined ? [] : [`backup ${record.id} is not whole: ${whyNotWhole}\n`]),
    ...missingWal.map(range => `backup ${record.id} needs ${rangeOf(range)}, which is not archived\n`),
    ...(record.damagedPages > 0 ? [`backup ${record.id} has ${describeDamagedPages(record)}\n`] : []),
    ...anomalies.map(({ description }) => `backup ${record.id}: ${description}\n`),
  ];
}

function pinLines({ record, pins }: ListedBackup): string[] {
  const shown = pins.slice(0, mostNamed);
  const more = pins.length - shown.length;
  return [
    ...shown.map(pin => `backup ${record.id}: ${describePin(pin)} (pin ${pin.id})\n`),
    ...(more > 0 ? [`backup ${record.id}: ${formatCount(more, 'more pin')}\n`] : []),
  ];
}
