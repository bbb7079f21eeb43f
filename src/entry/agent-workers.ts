/** The agent's sender and fetcher, both by jobs in worker threads. */
import { EventEmitter } from 'node:events';
import type { AheadAnswer, AheadFetcher } from '../agent/fetch-ahead/fetcher.ts';
import type { PushAnswer, Sender, SignsOfLife } from '../agent/push-ahead/sender.ts';
import { toPlainError } from '../base/errors/plain-error.ts';
import type { Event } from '../observe/events/events.ts';
import type { Jobs } from '../workers/job-table.ts';
import type { FetchAhead } from '../workers/jobs/fetch-ahead.ts';
import type { Attempt } from '../workers/jobs/push-file.ts';
import { timeoutLeft } from '../operations/push/settings.ts';
import type { WorkerPool } from '../workers/pool.ts';

/** The time limits of jobs whose threads cannot watch them: they make their file calls themselves, which may hang. */
export interface Watch {
  /** `archive.timeout`. */
  readonly pushTimeoutMs: number;
}

export class AgentWorkers implements Sender, SignsOfLife, AheadFetcher {
  readonly signs = new EventEmitter();
  readonly #pool: WorkerPool<Jobs>;
  readonly #watch: Watch | undefined;

  constructor(pool: WorkerPool<Jobs>, watch?: Watch) {
    this.#pool = pool;
    this.#watch = watch;
  }

  async send(path: string, attempt: Attempt, signal: AbortSignal): Promise<PushAnswer> {
    const events: Event[] = [];
    const onEvent = (event: Event) => void events.push(event);
    const onSign = () => void this.signs.emit(path);
    onSign();
    const silence = this.#watch && {
      ms: timeoutLeft(this.#watch.pushTimeoutMs, attempt.spentMs),
      what: `push ${path}`,
    };
    try {
      const options = { signal, onEvent, onSign, silence };
      const pushed = await this.#pool.run('push-file', { path, ...attempt }, options);
      return { kind: 'done', ...pushed, events };
    } catch (error) {
      return { kind: 'failed', events, failure: toPlainError(error) };
    }
  }

  async fetchAhead(segment: FetchAhead, signal: AbortSignal): Promise<AheadAnswer> {
    const events: Event[] = [];
    const onEvent = (event: Event) => void events.push(event);
    const silence = this.#watch && { ms: segment.silenceMs, what: `prefetch ${segment.name}` };
    try {
      const identity = await this.#pool.run('fetch-ahead', segment, { signal, onEvent, silence });
      return identity === undefined ? { kind: 'absent' } : { kind: 'ready', events, identity };
    } catch (error) {
      return { kind: 'failed', failure: toPlainError(error) };
    }
  }
}
