/**
 * A bounded pool of worker threads. Digests, compression and encryption would block a thread that others wait for. A
 * thread starts when there is work for it, and ends after some time without work, with all its memory.
 */
import type { Worker } from 'node:worker_threads';
import { messageOf, WalvaultError } from '../base/errors/errors.ts';
import { Secret } from '../base/secret.ts';
import type { RepositoryTraffic } from '../compose/open-repositories.ts';
import { fromPlainError } from '../base/errors/plain-error.ts';
import type { Event } from '../observe/events/events.ts';
import { endsWithin } from '../base/time/wait.ts';
import type { FromJob, FromWorker, ToWorker } from './messages.ts';

/** Input and output types by the name of the job. */
export type JobTypes = Readonly<Record<string, { readonly input: unknown; readonly output: unknown }>>;

export interface RunOptions {
  readonly signal: AbortSignal;
  /** `isOfThread`: every job of the thread emits it. */
  readonly onEvent?: (event: Event, isOfThread: boolean) => void;
  /** Called about once a second while the work makes progress. */
  readonly onSign?: (doneBytes?: number) => void;
}

export interface WorkerPoolOptions {
  readonly start: () => Worker;
  readonly maxWorkers: number;
  /** Told of each secret that a thread has read. */
  readonly onSecret?: (secret: Secret) => void;
  /** Told of what a thread has sent and received. */
  readonly onTraffic?: (traffic: readonly RepositoryTraffic[]) => void;
}

const idleMs = 15_000;
/** A thread with a call that hangs (a dead file server) never ends. */
const closeWithinMs = 1000;

interface Waiting extends RunOptions {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: WalvaultError) => void;
}

interface Member {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  readonly ended: Promise<void>;
}

export class WorkerPool<Jobs extends JobTypes> {
  readonly #options: WorkerPoolOptions;
  readonly #members = new Set<Member>();
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Runs one job. @throws WalvaultError from the job; `internal` when its thread ended */
  async run<Name extends keyof Jobs & string>(
    job: Name,
    input: Jobs[Name]['input'],
    options: RunOptions,
  ): Promise<Jobs[Name]['output']> {
    clearTimeout(this.#idle);
    const { signal } = options;
    const { worker, waiting } = this.#choose();
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Jobs[Name]['output']>();
    waiting.set(id, { ...options, resolve, reject });
    const abort = () => post(worker, { kind: 'abort', id });
    signal.addEventListener('abort', abort, { once: true });
    try {
      post(worker, { kind: 'run', id, job, input });
      if (signal.aborted) abort();
      return await promise;
    } finally {
      signal.removeEventListener('abort', abort);
      waiting.delete(id);
      if (this.#isIdle()) this.#idle = setTimeout(() => void this.close(), idleMs).unref();
    }
  }

  /** Resolves when the threads of this moment have ended; a thread that hangs is not waited for. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const members = [...this.#members];
    // A job that comes from now on gets a new thread.
    this.#members.clear();
    for (const { worker } of members) post(worker, { kind: 'close' });
    await endsWithin(closeWithinMs, Promise.all(members.map(({ ended }) => ended)));
  }

  #isIdle(): boolean {
    return [...this.#members].every(({ waiting }) => waiting.size === 0);
  }

  /** The member with the fewest jobs; a new thread only when every member has one. */
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
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'secret') {
        this.#options.onSecret?.(new Secret(message.text));
        return;
      }
      if ('traffic' in message) this.#options.onTraffic?.(message.traffic);
      const waiter = waiting.get(message.id);
      if (waiter !== undefined) deliver(message, waiter);
    });
    worker.on('error', error => (reason = messageOf(error)));
    worker.once('exit', () => {
      this.#members.delete(member);
      for (const { reject } of waiting.values())
        reject(new WalvaultError('internal', `a worker thread failed: ${reason}`, { retry: true }));
    });
    this.#members.add(member);
    return member;
  }
}

function deliver(message: FromJob, { onEvent, onSign, resolve, reject }: Waiting): void {
  switch (message.kind) {
    case 'event':
      onEvent?.(message.event, message.isOfThread);
      return;
    case 'sign':
      onSign?.(message.doneBytes);
      return;
    case 'done':
      resolve(message.output);
      return;
    case 'failed':
      reject(fromPlainError(message.error));
  }
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message, []);
}
