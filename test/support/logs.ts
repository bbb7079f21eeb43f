/** Logs for tests: nothing, or the words of each event. */
import type { Log } from '../../src/observe/events/events.ts';
import { wordsOf } from '../../src/observe/words.ts';
import type { Words } from '../../src/observe/words/table.ts';

export const silentLog: Log = { emit: () => undefined };

/** Adds the words of each event but progress. */
export function wordsInto(said: Words[]): Log {
  return { emit: event => void (event.kind === 'progress' || said.push(wordsOf(event))) };
}
