/** Levels and sentences of the events about stores. */
import type { StoreEvent } from '../events/store.ts';
import { error, info, warn, type WordsTable } from './table.ts';

export const storeWords: WordsTable<StoreEvent> = {
  'object-signature': ({ object, verdict }) => info(`${object} ${verdict}`),
  'needed-object-removed': ({ object, purpose, loss }) => warn(`removing ${object}, ${purpose}: ${loss}`),
  'object-not-removed': ({ failure }) => error(failure.message, failure.hint),
};
