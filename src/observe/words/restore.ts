/** Levels and sentences of the events of `restore`. */
import { formatCount, formatSize } from '../../base/units.ts';
import type { RestoreEvent } from '../events/restore.ts';
import { info, warn, type WordsTable } from './table.ts';

export const restoreWords: WordsTable<RestoreEvent> = {
  'timeline-left-out': ({ timeline, problem, hint }) =>
    warn(`timeline ${timeline} is left out, its history cannot be read: ${problem}`, hint),
  'repository-passed-over': ({ repository, failure }) =>
    warn(`repository "${repository}" is passed over: ${failure.message}`, failure.hint),
  'backup-left-out': ({ backup, problem }) => warn(`backup ${backup} is left out: ${problem}`),
  'restore-ends-at-gap': ({ firstSegment, lastSegment, user, host, reason, acknowledgedAt }) =>
    warn(
      `the recovery will end before ${firstSegment}: it and WAL up to ${lastSegment} is missing, which ${user} on ${host} acknowledged ${acknowledgedAt}: ${reason}`,
    ),
  'backup-unproven': ({ backup, problem }) => warn(`the commit record of backup ${backup} ${problem}`),
  'private-key-needed': ({ failure }) =>
    warn(`restoring needs a private key: ${failure.message}`, failure.hint),
  'commit-searched': ({ segmentCount }) =>
    info(`no commit in the last ${segmentCount} archived segments; reading on`),
  'restore-started': ({ backup, sizeBytes, dataDirectory }) =>
    info(`restoring backup ${backup} (${formatSize(sizeBytes)}) into ${dataDirectory}`),
  'databases-left-out': ({ count, sizeBytes }) =>
    info(`${formatCount(count, 'database')} left out: ${formatSize(sizeBytes)} are restored`),
  'placeholders-recovering': ({ dataDirectory }) =>
    info(`a server that nobody can connect to recovers ${dataDirectory} first`),
  'placeholders-closed': ({ count, ignoredPages, removedPrepared, removedSubscriptions }) =>
    info(
      [
        `${formatCount(count, 'placeholder')} closed`,
        ...(ignoredPages > 0 ? [`WAL named ${formatCount(ignoredPages, 'page')} that they lack`] : []),
        ...(removedPrepared > 0
          ? [`${formatCount(removedPrepared, 'prepared transaction')} taken back`]
          : []),
        ...(removedSubscriptions > 0 ? [`${formatCount(removedSubscriptions, 'subscription')} removed`] : []),
      ].join(', '),
    ),
  'restore-not-held': ({ repository, failure }) =>
    warn(
      `repository "${repository}": a cleanup there cannot know what this restore reads, its note could not be written: ${failure.message}`,
    ),
  'restore-held-briefly': ({ repository }) =>
    warn(
      `repository "${repository}": this host signs nothing, so a cleanup there keeps what this restore reads for two days only`,
      'Name a signing key of this host in signing.key, and its public key in signing.trusted-signers of the host that cleans up.',
    ),
  'restore-undone': () => info('the restore failed; what it had written has been removed'),
  'restore-not-undone': ({ directories, failure }) =>
    warn(
      `the restore failed and could not be removed: ${failure.message}`,
      `PostgreSQL does not start from it; remove what is in ${directories.join(', ')}.`,
    ),
  'wal-moved-aside': ({ walDirectory }) =>
    info(`the WAL that was in the directory is in ${walDirectory}; remove it when nothing of it is missed`),
  'wal-not-archived': ({ walDirectory, files, fileCount, unfinished }) =>
    warn(
      `${walDirectory} has ${[
        ...(fileCount === 0
          ? []
          : [`${formatCount(fileCount, 'file')} that the archive lacks: ${namesOf(files, fileCount)}`]),
        ...(unfinished === undefined ? [] : [`the segment ${unfinished} that was being written`]),
      ].join(', and ')}`,
      [
        ...(files[0] === undefined
          ? []
          : [
              `Without them their changes are lost. Once the restore is done, and before the server is started, archive each: walvault push ${walDirectory}/${files[0]}`,
            ]),
        ...(unfinished === undefined
          ? []
          : [`A server that recovers to the end replays ${unfinished} from its pg_wal: copy it there.`]),
      ].join('. '),
    ),
  'page-digests-passed-over': ({ failure }) =>
    warn(
      `the page digests of the backup cannot be used, so files that several backups make are written anew: ${failure.message}`,
      failure.hint,
    ),
  'delta-compared': ({ sameFiles, sameBytes, differingFiles, removed }) =>
    info(
      `${formatCount(sameFiles, 'file')} (${formatSize(sameBytes)}) as in the backup, ${formatCount(differingFiles, 'file')} to write; ${removed} that the backup does not have removed`,
    ),
  'delta-restore-unfinished': ({ dataDirectory }) =>
    warn(
      `the restore failed: PostgreSQL does not start from ${dataDirectory} as it is`,
      'The same command completes it; what is there already is not written again.',
    ),
  'restored-server-started': ({ dataDirectory }) =>
    info(`a server was started on ${dataDirectory}; waiting for its target`),
  'restored-server-said': ({ line }) => warn(`the restored server said: ${line}`),
  'restored-server-left': ({ dataDirectory }) =>
    warn(
      `the wait was interrupted: the server on ${dataDirectory} goes on`,
      `To stop it: pg_ctl -D ${dataDirectory} stop.`,
    ),
  'environment-needed': ({ variables }) =>
    warn(`the restored server's restore_command needs ${variables.join(', ')} in its environment too`),
};

function namesOf(files: readonly string[], fileCount: number): string {
  const shown = files.slice(0, 10).join(' ');
  return fileCount > 10 ? `${shown} …` : shown;
}
