import { formatSize } from '../../base/units.ts';
import type { RunEvent } from '../events/run.ts';
import { info, type WordsTable } from './table.ts';

export const runWords: WordsTable<RunEvent> = {
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
