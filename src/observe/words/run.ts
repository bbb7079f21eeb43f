/** Levels and sentences of the events of every run. */
import { formatSize } from '../../base/units.ts';
import type { RunEvent } from '../events/run.ts';
import { debug, error, info, warn, type WordsTable } from './table.ts';

export const runWords: WordsTable<RunEvent> = {
  'run-started': ({ verb, user, host, pid, version }) =>
    debug(`${verb} started by ${user} on ${host}: process ${pid}, version ${version}`),
  'run-ended': ({ verb, exitStatus, durationMs }) =>
    debug(`${verb} ended with status ${exitStatus} after ${durationMs} ms`),
  'run-failed': ({ failure }) => error(failure.message, failure.hint),
  'run-interrupted': ({ signal }) => error(`interrupted by ${signal}`),
  'log-file-unwritable': ({ path, problem }) => warn(`the log file ${path} cannot be written: ${problem}`),
  /** `backup: 1.2 GiB of 4.0 GiB (30%), 812 files` */
  progress: ({ stage, doneBytes, totalBytes, doneFiles }) => {
    const total = totalBytes === undefined ? '' : ` of ${formatSize(totalBytes)}`;
    const percent =
      totalBytes === undefined || totalBytes === 0
        ? ''
        : ` (${Math.min(100, Math.floor((doneBytes / totalBytes) * 100))}%)`;
    const files = doneFiles === undefined ? '' : `, ${doneFiles} ${doneFiles === 1 ? 'file' : 'files'}`;
    return info(`${stage}: ${formatSize(doneBytes)}${total}${percent}${files}`);
  },
};
