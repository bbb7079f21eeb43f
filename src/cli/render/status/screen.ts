/** A status for people: one screen. */
import { formatCount, formatDuration, formatSize } from '../../../base/units.ts';
import type {
  BackupsStatus,
  RecoverablePoint,
  RepositoryStatus,
  RestoreStatus,
  Status,
  WindowStatus,
} from '../../../operations/status/result.ts';
import type { Finding } from '../../../operations/status/level.ts';

export function renderStatus(status: Status): string {
  const { cluster, at, level, findings, repositories } = status;
  return [
    `cluster ${cluster}: ${level.toUpperCase()} at ${at.toISOString()}\n`,
    ...findings.map(renderFinding),
    ...repositories.map(repository => renderRepository(repository, status)),
    '\n',
    ...rows([
      ['server', serverText(status)],
      ['pg_wal', walDirectoryText(status)],
      ['agent', agentText(status)],
    ]),
  ].join('');
}

function renderFinding({ level, subject, message, hint }: Finding): string {
  return `${level.toUpperCase()}  ${subject}: ${message}\n      HINT:  ${hint}\n`;
}

function renderRepository(repository: RepositoryStatus, { at }: Status): string {
  const { name, url, required, isReadable, systemId, timeline } = repository;
  const title = `\nrepository "${name}" (${url})${required ? '' : ', best effort'}`;
  if (!isReadable) return `${title}: cannot be read, and nothing is known of it\n`;
  if (systemId === undefined) return `${title}: nothing of this system\n`;
  const where = timeline === undefined ? '' : `, timeline ${timeline}`;
  return [
    `${title}, system ${systemId}${where}\n`,
    ...rows([
      ['newest', newestText(repository, at)],
      ['oldest', repository.oldest === undefined ? 'nothing can be recovered' : pointText(repository.oldest)],
      ...repository.windows
        .slice(-mostWindows)
        .map((window): Row => ['window', windowText(window)])
        .filter(() => repository.windowCount > 1),
      ...(repository.windowCount > mostWindows
        ? [['', `and ${repository.windowCount - mostWindows} older ones`] as const]
        : []),
      ...repository.gaps
        .filter(({ isAcknowledged }) => isAcknowledged)
        .slice(0, mostWindows)
        .map((gap): Row => ['gap', `${gap.firstSegment} to ${gap.lastSegment}, acknowledged`]),
      ['backups', backupsText(repository.backups, at)],
      ...repository.backups.unfinished
        .slice(0, 1)
        .map((one): Row => ['unfinished', `${one.id}, last sign of life ${agoText(one.lastSignAt, at)}`]),
      ...repository.restores
        .slice(-mostWindows)
        .map((restore): Row => ['restoring', restoringText(restore, at)]),
      ['verified', verifiedText(repository, at)],
      ['stored', storedText(repository)],
      ...(repository.disk === undefined ? [] : [['disk', diskText(repository.disk, at)] as const]),
      ...(repository.otherTimelines.length === 0
        ? []
        : [['branches', `timeline ${repository.otherTimelines.join(', ')} can be restored too`] as const]),
      ...(repository.otherSystems.length === 0
        ? []
        : [['systems', `${repository.otherSystems.join(', ')} of this name, too`] as const]),
    ]),
  ].join('');
}

/** A screen has room for the newest. */
const mostWindows = 5;

type Row = readonly [label: string, text: string];

function rows(lines: readonly Row[]): string[] {
  return lines.map(([label, text]) => `  ${label.padEnd(10)}  ${text}\n`);
}

function pointText({ timeline, lsn, time }: RecoverablePoint): string {
  return `${time === undefined ? '' : `${time.toISOString()}, `}${lsn} on timeline ${timeline}`;
}

function newestText({ newest, lag }: RepositoryStatus, at: Date): string {
  if (newest === undefined) return 'nothing can be recovered';
  const arrived = newest.time === undefined ? '' : `, archived ${agoText(newest.time, at)}`;
  return `${newest.lsn} on timeline ${newest.timeline}${arrived}; ${lagText(lag)}`;
}

function lagText({ bytes, ms }: RepositoryStatus['lag']): string {
  if (bytes === undefined) return 'how far the server is ahead is not known';
  if (ms === 0) return 'the server has written nothing since';
  return `the server is ${formatSize(bytes)} ahead`;
}

function windowText({ fromTime, fromLsn, toTime, toLsn, hole }: WindowStatus): string {
  const from = `${fromTime.toISOString()} (${fromLsn})`;
  const to = `${toTime === undefined ? '' : `${toTime.toISOString()} `}(${toLsn})`;
  return `${from} to ${to}${hole === undefined ? '' : `, then ${hole} is missing`}`;
}

function backupsText({ count, restorableCount, newest, dueAt }: BackupsStatus, at: Date): string {
  if (newest === undefined) return 'none';
  const whole = restorableCount === count ? '' : `, ${restorableCount} of them can be restored`;
  const took = formatDuration(Math.max(0, newest.stopTime.getTime() - newest.startTime.getTime()));
  const sizes = `${formatSize(newest.sizeBytes)} stored in ${formatSize(newest.storedBytes)}`;
  const next = dueAt === undefined ? '' : `; next due ${dueAt.toISOString()}`;
  return `${count}${whole}; newest ${newest.id}, ended ${agoText(newest.stopTime, at)}, took ${took}, ${sizes}${next}`;
}

function restoringText(restore: RestoreStatus, at: Date): string {
  const { backup, stage, host, directory, startTime, doneBytes, totalBytes, heldUntil } = restore;
  const done = totalBytes === 0 ? '' : ` ${formatSize(doneBytes)} of ${formatSize(totalBytes)}`;
  return `backup ${backup} into ${directory} on ${host}, begun ${agoText(startTime, at)}, ${stage}${done}; held until ${heldUntil.toISOString()}`;
}

function verifiedText({ verified: { last, lastSound } }: RepositoryStatus, at: Date): string {
  if (last === undefined) return 'never';
  const depth = { continuity: 'that all is there', stored: 'stored bytes', decoded: 'contents' }[last.depth];
  const found = last.damaged === 0 ? 'no damage' : formatCount(last.damaged, 'finding') + ' of damage';
  const sound =
    last.damaged === 0 || lastSound === undefined ? '' : `; without damage ${agoText(lastSound.at, at)}`;
  return `${agoText(last.at, at)}, ${depth ?? last.depth}: ${found}${sound}`;
}

function storedText({ stored, growth, costPerMonth }: RepositoryStatus): string {
  if (stored === undefined) return 'nothing';
  const grows =
    growth === undefined
      ? 'too young to tell how it grows'
      : `${formatSize(growth.walBytesPerDay + growth.backupBytesPerDay)} are added a day`;
  const cost = costPerMonth === undefined ? '' : `; costs ${costPerMonth.toFixed(2)} a month`;
  return `WAL ${formatSize(stored.walBytes)}, backups ${formatSize(stored.backupBytes)}; ${grows}${cost}`;
}

function diskText({ freeBytes, sizeBytes, fullAt }: NonNullable<RepositoryStatus['disk']>, at: Date): string {
  const free = `${formatSize(freeBytes)} of ${formatSize(sizeBytes)} free`;
  return fullAt === undefined ? free : `${free}, full in ${inText(fullAt, at)} if nothing is removed`;
}

function serverText({ server, findings }: Status): string {
  if (server === undefined)
    return findings.some(({ subject }) => subject === 'server') ? 'not known' : 'not looked at';
  const { isStandby, systemId, timeline, lsn, archiveMode, archivedCount, failedCount, lastArchivedAt } =
    server;
  const role = `${isStandby ? 'standby' : 'primary'} of system ${systemId} on timeline ${timeline} at ${lsn}`;
  if (archiveMode === 'off') return `${role}; archives nothing`;
  const last = lastArchivedAt === undefined ? '' : `, last ${lastArchivedAt.toISOString()}`;
  return `${role}; archived ${formatCount(archivedCount, 'file')}${last}, failed ${formatCount(failedCount, 'time')}`;
}

function walDirectoryText({ walDirectory, at }: Status): string {
  const { readySegments, readyBytes, disk, fullAt } = walDirectory;
  const waiting =
    readySegments === undefined
      ? 'what waits to be archived is not known'
      : `${formatCount(readySegments, 'segment')} (${formatSize(readyBytes ?? 0)}) ${readySegments === 1 ? 'waits' : 'wait'} to be archived`;
  if (disk === undefined) return `${waiting}; its disk is not on this host`;
  const when = fullAt === undefined ? '' : `, full in ${inText(fullAt, at)} if archiving stopped now`;
  return `${waiting}; ${formatSize(disk.freeBytes)} of ${formatSize(disk.sizeBytes)} free${when}`;
}

function agentText({ agent }: Status): string {
  switch (agent?.kind) {
    case undefined:
      return 'not asked';
    case 'absent':
      return 'none runs; the next push starts one';
    case 'silent':
      return 'does not answer';
    case 'unknown':
      return `not known: ${agent.problem}`;
    case 'running':
      return `process ${agent.pid}, version ${agent.version}: ${agent.pushed} sent, ${agent.failed} attempts failed`;
  }
}

function agoText(time: Date, at: Date): string {
  const ms = at.getTime() - time.getTime();
  return ms < 0 ? `${formatDuration(-ms)} from now` : `${formatDuration(ms)} ago`;
}

function inText(time: Date, at: Date): string {
  return formatDuration(Math.max(0, time.getTime() - at.getTime()));
}
