/** The words for an event: every sentence of a report that is not an error stands in one of these tables. */
import type { LogLevel } from '../base/log-level.ts';
import { visibleText } from '../base/visible-text.ts';
import type { Event } from './events/events.ts';
import { agentWords } from './words/agent.ts';
import { backupWords } from './words/backup.ts';
import { cleanupWords } from './words/cleanup.ts';
import { copyWords } from './words/copy.ts';
import { fetchWords } from './words/fetch.ts';
import { initWords } from './words/init.ts';
import { pushWords } from './words/push.ts';
import { repositoryWords } from './words/repository.ts';
import { restoreWords } from './words/restore.ts';
import { runWords } from './words/run.ts';
import { storeWords } from './words/store.ts';
import { verifyWords } from './words/verify.ts';
import type { Words, WordsTable } from './words/table.ts';

const table: WordsTable<Event> = {
  ...agentWords,
  ...backupWords,
  ...cleanupWords,
  ...copyWords,
  ...fetchWords,
  ...initWords,
  ...pushWords,
  ...repositoryWords,
  ...restoreWords,
  ...runWords,
  ...storeWords,
  ...verifyWords,
};

export function wordsOf(event: Event): Words {
  // The table pairs each kind with its own event; the compiler cannot follow that through an index.
  return (table[event.kind] as (event: Event) => Words)(event);
}

const prefixes: Record<LogLevel, string> = {
  debug: 'walvault: debug: ',
  info: 'walvault: ',
  warn: 'walvault: WARNING: ',
  error: 'walvault: ERROR: ',
};

/** `walvault: WARNING: <message>`, then `HINT:  <hint>` if there is one; each line is ended. */
export function textLines({ level, message, hint }: Words): string {
  const hintLine = hint === undefined ? '' : `HINT:  ${visibleText(hint)}\n`;
  return `${prefixes[level]}${visibleText(message)}\n${hintLine}`;
}
