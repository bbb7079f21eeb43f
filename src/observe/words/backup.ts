/** Levels and sentences of the events of `backup`. */
import { formatCount, formatDuration } from '../../base/units.ts';
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
  'backup-not-completed': ({ backup }) =>
    info(`backup ${backup} was not completed: nothing of it was committed`),
  'backup-half-committed': ({ backup, repositories }) => {
    const where = repositories.map(name => `"${name}"`).join(', ');
    return warn(
      `backup ${backup} failed after its commit had begun in ${where}: walvault list shows where it exists`,
    );
  },
  'backup-pieces-left': ({ repository, backup, failure }) =>
    warn(
      `repository "${repository}": pieces of the unfinished backup ${backup} were left behind: ${failure.message}`,
      'They are no backup and are never taken for one; cleanup removes them.',
    ),
};
