/**
 * Everything that operations say while they work. Events are plain JSON values: they cross threads as they are, and
 * logs keep them. Names are in PostgreSQL's words, times in ISO 8601, LSNs and system identifiers as text. An event says
 * what happened and never how it is put to people: `observe/words.ts` has the sentences.
 */
import type { AgentEvent } from './agent.ts';
import type { BackupEvent } from './backup.ts';
import type { CleanupEvent } from './cleanup.ts';
import type { CopyEvent } from './copy.ts';
import type { FetchEvent } from './fetch.ts';
import type { InitEvent } from './init.ts';
import type { PushEvent } from './push.ts';
import type { RepositoryEvent } from './repository.ts';
import type { RestoreEvent } from './restore.ts';
import type { RunEvent } from './run.ts';
import type { StoreEvent } from './store.ts';
import type { VerifyEvent } from './verify.ts';

export type Event =
  | AgentEvent
  | BackupEvent
  | CleanupEvent
  | CopyEvent
  | FetchEvent
  | InitEvent
  | PushEvent
  | RepositoryEvent
  | RestoreEvent
  | RunEvent
  | StoreEvent
  | VerifyEvent;

/** Where operations put their events. Taking one never fails and never waits. */
export interface Log {
  emit(event: Event): void;
}
