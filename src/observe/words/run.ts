/** Levels and sentences of the events of every run. */
import type { RunEvent } from '../events/run.ts';
import { progressText } from '../progress-text.ts';
import { debug, error, info, warn, type WordsTable } from './table.ts';

export const runWords: WordsTable<RunEvent> = {
  'run-started': ({ verb, user, host, pid, version }) =>
    debug(`${verb} started by ${user} on ${host}: process ${pid}, version ${version}`),
  'run-ended': ({ verb, exitStatus, durationMs }) =>
    debug(`${verb} ended with status ${exitStatus} after ${durationMs} ms`),
  'run-failed': ({ failure }) => error(failure.message, failure.hint),
  'run-interrupted': ({ signal }) => error(`interrupted by ${signal}`),
  'log-file-unwritable': ({ path, problem }) => warn(`the log file ${path} cannot be written: ${problem}`),
  progress: event => info(progressText(event)),
};
