/** Levels and sentences of the events of `push`. */
import { formatCount, formatSize } from '../../base/units.ts';
import type { PushEvent } from '../events/push.ts';
import { debug, error, info, warn, type WordsTable } from './table.ts';

export const pushWords: WordsTable<PushEvent> = {
  'file-archived': ({ file, repositories }) =>
    debug(`${file} is archived in ${repositories.map(name => `"${name}"`).join(', ')}`),
  'page-magic-unknown': ({ file, pageMagic }) =>
    warn(`${file}: page magic ${pageMagic} is of no PostgreSQL known here`),
  'history-not-understood': ({ file, timeline, failure }) =>
    error(
      `${file} is no timeline history and is archived as it is: nobody can recover along timeline ${timeline} with it: ${failure.message}`,
      `If another server has a good ${file}, put it in the place of this one and of the archived one.`,
    ),
  'placeholder-not-archived': ({ file }) =>
    warn(
      `${file} is not archived: it is walvault's placeholder for the archived history, which cannot be read`,
    ),
  'creation-not-atomic': ({ repository }) =>
    warn(
      `repository "${repository}" cannot create a file only if it is absent: it is looked up first, and of two servers that archive the same name in the same instant the later one wins unnoticed`,
      'Let one server alone archive there, or use a store with conditional writes; `walvault check` tries it out.',
    ),
  'content-kept-beside': ({ file, repository }) =>
    warn(`${file}: repository "${repository}" keeps this content beside another one of the same name`),
  'repository-lacks-file': ({ file, repository, required, failure }) =>
    warn(
      `${file}: ${required ? '' : 'best-effort '}repository "${repository}": ${failure.message}`,
      failure.hint,
    ),
  'missing-file-sent': ({ file }) => info(`${file} sent`),
  'missing-file-not-sent': ({ file, failure }) => warn(`${file}: ${failure.message}`, failure.hint),
  'segment-given-up': ({ file, segmentCount, backlogBytes, limitBytes, reason }) =>
    error(
      `${file} IS GIVEN UP and not archived: ${formatCount(segmentCount, 'segment')} (${formatSize(backlogBytes)}) wait, more than archive.queue-limit (${formatSize(limitBytes)}); ${reason}`,
      'Recovery cannot cross this gap. When the store is back, run `walvault push --missing` at once: what is still in pg_wal is not lost yet. Then take a backup.',
    ),
  'giving-up-not-recorded': ({ file, failure }) =>
    warn(`${file} is not given up, because that cannot be recorded: ${failure.message}`),
  'losses-not-delivered': ({ failure }) => warn(failure.message, failure.hint),
};
