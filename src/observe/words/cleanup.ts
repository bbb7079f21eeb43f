/** Levels and sentences of the events of `cleanup`. */
import { formatCount } from '../../base/units.ts';
import type { CleanupEvent } from '../events/cleanup.ts';
import { error, info, warn, type WordsTable } from './table.ts';

export const cleanupWords: WordsTable<CleanupEvent> = {
  'cleanup-in-doubt': ({ repository, problem, hint }) => warn(of(repository, problem), hint),
  'cleanup-without-policy': ({ repository }) =>
    info(of(repository, 'no retention policy: nothing is removed')),
  'unfinished-writes-unknown': ({ repository, failure }) =>
    warn(of(repository, `unfinished uploads are not looked for: ${failure.message}`)),
  'unfinished-writes-removed': ({ repository, count }) =>
    info(of(repository, `removed ${count} unfinished writes`)),
  'backup-yielded-to-child': ({ repository, backup, child }) =>
    warn(of(repository, `backup ${backup} stays: backup ${child} has begun to build on it`)),
  'backup-yielded-to-pin': ({ repository, backup, pinned }) =>
    warn(of(repository, `backup ${backup} stays: backup ${pinned} has just been pinned`)),
  'cleanup-yielded-to-restore': ({ repository, backup, host, directory }) =>
    warn(
      of(
        repository,
        `backup ${backup} and all WAL stay: a restore into ${directory} on ${host} has begun; the next cleanup goes on`,
      ),
    ),
  'backup-removed': ({ repository, backup }) => info(of(repository, `removed backup ${backup}`)),
  'wal-removed': ({ repository, firstSegment, lastSegment }) =>
    info(of(repository, `removed WAL ${firstSegment}..${lastSegment}`)),
  'removal-locked': ({ repository, objectCount, firstKey, until }) =>
    warn(
      of(
        repository,
        `${formatCount(objectCount, 'object')} to be removed locked until ${until}, the first is ${firstKey}`,
      ),
      'They stay until then, and a later cleanup removes them. Let the lock be shorter than the retention.',
    ),
  'cleanup-failed': ({ repository, problem, hint }) => error(of(repository, problem), hint),
};

function of(repository: string, text: string): string {
  return `repository "${repository}": ${text}`;
}
