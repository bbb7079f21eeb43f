/** Levels and sentences of the events of `fetch`. */
import type { FetchEvent } from '../events/fetch.ts';
import { debug, error, warn, type WordsTable } from './table.ts';

export const fetchWords: WordsTable<FetchEvent> = {
  'file-delivered': ({ file, repository }) => debug(`${file} is delivered from repository "${repository}"`),
  'file-absent': ({ file }) => debug(`${file} is not in the archive`),
  'file-not-served': ({ file, problem, hint }) => warn(`${file} is not served: ${problem}`, hint),
  'history-unusable': ({ file, timeline, problem, hint }) =>
    warn(
      `${file} cannot be used, and timeline ${timeline} cannot be followed; its number stays taken: ${problem}`,
      hint,
    ),
  'gap-tolerated': ({ failure }) => error(failure.message, failure.hint),
  'acknowledged-gap-passed': ({ file, repository, user, host, reason, acknowledgedAt }) =>
    warn(
      `${file} is missing from repository "${repository}" and taken for the end of the archive: ${user} on ${host} acknowledged this ${acknowledgedAt}: ${reason}`,
    ),
  'repository-failed': ({ failure }) => warn(failure.message, failure.hint),
  'best-effort-failed': ({ repository, failure }) =>
    warn(`best-effort repository "${repository}": ${failure.message}`, failure.hint),
};
