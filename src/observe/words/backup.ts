/** Levels and sentences of the events of `backup`. */
import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import type { BackupEvent } from '../events/backup.ts';
import { debug, info, warn, type WordsTable } from './table.ts';

export const backupWords: WordsTable<BackupEvent> = {
  'checkpoint-awaited': ({ backup, isFast, mayTakeMs }) =>
    isFast
      ? info(`backup ${backup}: waiting for a checkpoint`)
      : info(
          `backup ${backup}: waiting for a spread checkpoint, which may take ${formatDuration(mayTakeMs)}`,
          '`walvault backup --fast` begins at once, with a short burst of writes on the server.',
        ),
  'wal-awaited': ({ repository, file, condition }) =>
    info(`repository "${repository}": waiting for ${file} (${condition})`),
  'primary-not-told': ({ failure }) =>
    warn(
      `the primary was not told to end its segment: ${failure.message}`,
      'The backup waits until it ends by itself. On an idle primary, select pg_switch_wal() ends it.',
    ),
  'full-backup-chosen': ({ reason }) => info(`taking a full backup: ${reason}`),
  'incremental-backup-chosen': ({ parent, reason }) =>
    info(`taking an incremental backup on ${parent}: ${reason}`),
  'wal-summaries-not-used': ({ backup, reason }) =>
    info(`backup ${backup} reads all data files: WAL summaries are not used: ${reason}`),
  'wal-summaries-awaited': ({ backup }) =>
    info(`backup ${backup}: waiting for the server to summarize its WAL`),
  'wal-summaries-used': ({ backup, summaryCount, isAudit }) =>
    info(
      isAudit
        ? `backup ${backup} reads all data files, to audit ${summariesOf(summaryCount)}`
        : `backup ${backup} reads the pages that ${summariesOf(summaryCount)} name`,
    ),
  'page-not-in-summaries': ({ path, page, lsn }) =>
    warn(`${path}, page ${page} has changed (its LSN is ${lsn}), and no WAL summary names it`),
  'wal-summaries-distrusted': ({ backup, missedPages, doubtful }) =>
    warn(
      `backup ${backup} has ${formatCount(missedPages, 'changed page')} that WAL summaries do not name: they are not used until the next full backup`,
      doubtful.length === 0
        ? 'This backup is whole. Take a full one, and report this to whoever looks after the server.'
        : `This backup is whole, but ${doubtful.join(', ')} relied on the summaries and may lack changes. Take a full backup.`,
    ),
  'parent-not-readable': ({ parent, failure }) =>
    warn(`taking a full backup, because ${parent} cannot be its parent: ${failure.message}`),
  'file-vanished': ({ path }) => debug(`${path} was removed while the backup ran`),
  'link-left-out': ({ path }) =>
    warn(
      `${path} is a symbolic link and not in this backup`,
      "It is no data of PostgreSQL's; configuration files behind links are captured apart.",
    ),
  'link-followed': ({ path, location }) =>
    info(`${path} is a symbolic link to ${location}: a restore puts what is there into the data directory`),
  'configuration-file-left-out': ({ path, problem }) =>
    warn(
      `configuration file ${path} is not in this backup: ${problem}`,
      'Let the user that runs walvault read it, or keep a copy of it elsewhere.',
    ),
  'configuration-files-unknown': () =>
    warn(
      'this user may not see where the configuration files are: those outside the data directory are not in this backup',
      'Grant it membership in pg_read_all_settings, or in pg_monitor, which includes it.',
    ),
  'page-damaged': ({ path, page }) =>
    warn(
      `damaged page: ${path}, page ${page}: its checksum is wrong and no WAL of this backup repairs it`,
      'The backup goes on and will be kept, with this page as it is. Check the disk, and restore the relation from an older backup.',
    ),
  'damaged-pages-only-counted': ({ namedCount }) =>
    warn(`more than ${namedCount} damaged pages; the rest is only counted`),
  'databases-not-named': ({ count, databases }) => {
    const named = databases.map(({ database, problem }) => `"${database}" (${problem})`).join(', ');
    const rest = count > databases.length ? ` and ${count - databases.length} more` : '';
    return warn(
      `the name map of this backup lacks the relations of ${formatCount(count, 'database')}: ${named}${rest}`,
      'Grant the role CONNECT on them and let pg_hba.conf admit it, or set backup.name-map = "off". The backup itself is whole.',
    );
  },
  'piece-made-again': ({ failure }) =>
    warn(`a piece of the backup was not stored and is made again: ${failure.message}`),
  'repository-left-out': ({ repository, failure }) =>
    warn(`repository "${repository}" left out of this backup: ${failure.message}`, failure.hint),
  'wal-lost-since-backup': ({ repository, previousBackup, description }) => {
    const since = previousBackup === undefined ? 'its beginning' : `backup ${previousBackup}`;
    return warn(
      `repository "${repository}": WAL is lost since ${since}: ${description}`,
      'Recovery cannot cross this gap. This backup will be the first one beyond it, and what comes after it is recoverable again.',
    );
  },
  'wal-losses-unknown': ({ failure }) =>
    warn(`whether WAL was given up since the previous backup is not known: ${failure.message}`, failure.hint),
  'backup-anomaly': ({ backup, descriptions, hint }) =>
    warn(`backup ${backup} is out of the ordinary: ${descriptions.join('; ')}`, hint),
  'anomalies-not-noted': ({ backup, failure }) =>
    warn(
      `whether backup ${backup} is out of the ordinary is not known, or could not be noted: ${failure.message}`,
      'The backup itself is whole.',
    ),
  'backup-not-completed': ({ backup }) =>
    info(`backup ${backup} was not completed: nothing of it was committed`),
  'backup-interrupted': ({ backup, partCount, storedSizeBytes }) =>
    info(
      `backup ${backup} was not completed: nothing of it was committed`,
      `\`walvault backup\` goes on from ${finishedParts(partCount, storedSizeBytes)} for four days after its beginning; \`cleanup\` removes them after seven.`,
    ),
  'backup-resumed': ({ backup, attempt, partCount, storedSizeBytes }) =>
    info(
      `attempt ${attempt} of backup ${backup} goes on from ${finishedParts(partCount, storedSizeBytes)}`,
      'Each part is read again, and stored again only if it has changed. --no-resume begins anew.',
    ),
  'interrupted-backup-passed-over': ({ backup, reason }) =>
    info(`this backup does not go on from the interrupted ${backup}: ${reason}`),
  'interrupted-backups-unknown': ({ failure }) =>
    warn(
      `whether a backup was interrupted is not known, and this one is new: ${failure.message}`,
      failure.hint,
    ),
  'host-secret-missing': () =>
    info(
      'this host has no secret of its own: if this backup is interrupted, the next one begins anew',
      "Make one as PostgreSQL's user, (umask 077; openssl rand -hex 32 > /etc/walvault-keys/host-secret), and name it in encryption.host-secret.",
    ),
  'host-secret-unusable': ({ failure }) =>
    warn(
      `the host's own secret cannot be used, so that this backup is a new one: ${failure.message}`,
      failure.hint,
    ),
  'part-index-not-stored': ({ failure }) =>
    warn(
      `the index of a part was not stored: ${failure.message}`,
      'The backup goes on. If it is interrupted, the next one writes such parts again.',
    ),
  'backup-half-committed': ({ backup, repositories }) => {
    const where = repositories.map(name => `"${name}"`).join(', ');
    return warn(
      `backup ${backup} failed after its commit had begun in ${where}: walvault list shows where it exists`,
    );
  },
  'backup-pieces-left': ({ repository, backup, failure }) =>
    warn(
      `repository "${repository}": pieces of backup ${backup} that no backup needs were left behind: ${failure.message}`,
      'They are never taken for a backup, or a part of one; cleanup removes them.',
    ),
};

function summariesOf(count: number): string {
  return `${count} WAL ${count === 1 ? 'summary' : 'summaries'}`;
}

function finishedParts(count: number, storedSizeBytes: number): string {
  return `${formatCount(count, 'finished part')} (${formatSize(storedSizeBytes)} stored)`;
}
