/**
 * Sends and fetches files in worker threads: digests, compression and encryption take most of a push (and their inverses
 * of a fetch) and would block whoever waits for an answer. A thread is started when there is work for it and ends when
 * there is none for a while, with all the memory it had.
 */
import type { Worker } from 'node:worker_threads';
import { endsWithin } from '../base/time/wait.ts';
import { messageOf } from '../base/errors/errors.ts';
import type { AheadAnswer, AheadFetcher, AheadJob } from './ahead-fetcher.ts';
import type { Attempt, PushAnswer, Sender, SignsOfLife } from './sender.ts';
import type { FromWorker, TaskAnswer, ToWorker, WorkerTask } from './messages.ts';

export interface WorkerPoolOptions {
  readonly start: () => Worker;
  readonly maxWorkers: number;
}

const idleMs = 15_000;
/** A thread with a call that hangs (a dead file server) never ends. */
const closeWithinMs = 1000;

interface Waiting {
  settle(answer: TaskAnswer): void;
  onSign(): void;
}

interface Member {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  readonly ended: Promise<void>;
}

export class WorkerPool implements Sender, SignsOfLife, AheadFetcher {
  readonly #options: WorkerPoolOptions;
  readonly #members = new Set<Member>();
  readonly #signs = new Map<string, number>();
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  async send(path: string, attempt: Attempt, signal: AbortSignal): Promise<PushAnswer> {
    const onSign = () => void this.#signs.set(path, performance.now());
    onSign();
    try {
      return (await this.#run({ kind: 'push', path, attempt }, signal, onSign)) as PushAnswer;
    } finally {
      this.#signs.delete(path);
    }
  }

  lastSignAt(path: string): number | undefined {
    return this.#signs.get(path);
  }

  async fetchAhead(job: AheadJob, signal: AbortSignal): Promise<AheadAnswer> {
    return (await this.#run({ kind: 'fetch-ahead', job }, signal)) as AheadAnswer;
  }

  async #run(task: WorkerTask, signal: AbortSignal, onSign = () => {}): Promise<TaskAnswer> {
    clearTimeout(this.#idle);
    const { worker, waiting } = this.#choose();
    const id = ++this.#lastId;
    const answered = new Promise<TaskAnswer>(settle => waiting.set(id, { settle, onSign }));
    const abort = () => post(worker, { kind: 'abort', id });
    signal.addEventListener('abort', abort, { once: true });
    post(worker, { ...task, id });
    if (signal.aborted) abort();
    try {
      return await answered;
    } finally {
      signal.removeEventListener('abort', abort);
      waiting.delete(id);
      if (this.#isIdle()) this.#idle = setTimeout(() => void this.close(), idleMs).unref();
    }
  }

  /** Resolves when the threads of this moment have ended; one that hangs is left to itself. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const members = [...this.#members];
    // Whoever comes from now on gets a new thread.
    this.#members.clear();
    for (const { worker } of members) post(worker, { kind: 'close' });
    await endsWithin(closeWithinMs, Promise.all(members.map(({ ended }) => ended)));
  }

  #isIdle(): boolean {
    return [...this.#members].every(({ waiting }) => waiting.size === 0);
  }

  /** The one with the least to do; another thread only when all have something. */
  #choose(): Member {
    const [least] = [...this.#members].sort((a, b) => a.waiting.size - b.waiting.size);
    if (least !== undefined && (least.waiting.size === 0 || this.#members.size >= this.#options.maxWorkers))
      return least;
    return this.#start();
  }

  #start(): Member {
    const worker = this.#options.start();
    const waiting: Member['waiting'] = new Map();
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()));
    const member: Member = { worker, waiting, ended };
    let reason = 'it ended';
    worker.on('message', ({ id, answer }: FromWorker) => {
      const waiter = waiting.get(id);
      if (answer === undefined) waiter?.onSign();
      else waiter?.settle(answer);
    });
    worker.on('error', error => (reason = messageOf(error)));
    worker.once('exit', () => {
      this.#members.delete(member);
      const message = `a worker of the agent failed: ${reason}`;
      for (const { settle } of waiting.values())
        settle({ kind: 'failed', events: [], failure: { code: 'internal', message, retry: true } });
    });
    this.#members.add(member);
    return member;
  }
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message, []);
}
