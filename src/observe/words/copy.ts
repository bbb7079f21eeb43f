/** Levels and sentences of the events of `copy`. */
import type { CopyEvent } from '../events/copy.ts';
import { error, warn, type WordsTable } from './table.ts';

export const copyWords: WordsTable<CopyEvent> = {
  'backup-record-unusable': ({ backup, problem }) =>
    warn(`backup ${backup} is left out, its record cannot be used: ${problem}`),
  'backup-held-back': ({ backup, reason }) => warn(`backup ${backup} is not there as a whole: ${reason}`),
  'object-not-copied': ({ object, problem }) => error(`${object}: ${problem}`),
};
