/**
 * A bounded pool of worker threads. Digests, compression and encryption would block a thread that others wait for. A
 * thread starts when there is work for it, and ends after some time without work, with all its memory.
 */
import type { Worker } from 'node:worker_threads';
import { messageOf, WalvaultError } from '../base/errors/errors.ts';
import { createDeadline, timeLimitError, type Deadline } from '../base/time/deadline.ts';
import { Secret } from '../base/secret.ts';
import type { RepositoryTraffic } from '../compose/open-repositories.ts';
import { fromPlainError } from '../base/errors/plain-error.ts';
import type { Event } from '../observe/events/events.ts';
import { endsWithin, orAborted } from '../base/time/wait.ts';
import type { FromJob, FromWorker, ToWorker } from './messages.ts';

/** Input and output types by the name of the job. */
export type JobTypes = Readonly<Record<string, { readonly input: unknown; readonly output: unknown }>>;

export interface RunOptions {
  readonly signal: AbortSignal;
  /** `isOfThread`: every job of the thread emits it. */
  readonly onEvent?: (event: Event, isOfThread: boolean) => void;
  /** Called about once a second while the work makes progress. */
  readonly onSign?: (doneBytes?: number) => void;
  /** For threads that cannot watch their own time. */
  readonly silence?: SilenceLimit | undefined;
}

/** How long a job may go on without a sign of progress. Its thread gets a moment more, to end the job by itself. */
export interface SilenceLimit {
  readonly ms: number;
  /** What takes so long, for the message. */
  readonly what: string;
}

export interface WorkerPoolOptions {
  readonly start: () => Worker;
  readonly maxWorkers: number;
  /** Most jobs of one thread at the same time; the others wait until one has ended. Default: no limit. */
  readonly jobsPerThread?: number | undefined;
  /** Told of each secret that a thread has read. */
  readonly onSecret?: (secret: Secret) => void;
  /** Told of what a thread has sent and received. */
  readonly onTraffic?: (traffic: readonly RepositoryTraffic[]) => void;
}

const idleMs = 15_000;
/** A thread with a call that hangs (a dead file server) never ends. */
const closeWithinMs = 1000;
/** A thread that can tell why a job ends late has this long to do so. */
const graceMs = 1000;

interface Waiting extends RunOptions {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: WalvaultError) => void;
}

interface Member {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  /** The jobs that the thread has not ended yet, those that nobody waits for any more among them. */
  readonly jobs: Set<number>;
  readonly ended: Promise<void>;
}

export class WorkerPool<Jobs extends JobTypes> {
  readonly #options: WorkerPoolOptions;
  readonly #members = new Set<Member>();
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;
  /** Resolves when a thread has ended a job. */
  #ended = Promise.withResolvers<void>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /**
   * Runs one job. @throws WalvaultError from the job; `internal` when its thread ended; `unreachable` after the limit of
   * `silence`: its thread hangs, and gets no other job until it has ended this one
   */
  async run<Name extends keyof Jobs & string>(
    job: Name,
    input: Jobs[Name]['input'],
    options: RunOptions,
  ): Promise<Jobs[Name]['output']> {
    clearTimeout(this.#idle);
    const id = ++this.#lastId;
    const { signal } = options;
    const deadline = startSilence(options.silence);
    try {
      const member = this.#reserve(id) ?? (await this.#reserveNext(id, signal, deadline));
      const onSign = (doneBytes?: number) => {
        deadline?.restart();
        options.onSign?.(doneBytes);
      };
      const work = this.#runIn<Name>(member, { id, job, input }, { ...options, signal, onSign });
      return await (deadline === undefined ? work : orAborted(work, deadline.signal));
    } finally {
      deadline?.clear();
    }
  }

  /** Starts all threads for jobs that follow soon: half a second of work, for which the caller need not wait later. */
  prepare(job: keyof Jobs & string): void {
    while (this.#members.size < this.#options.maxWorkers) this.#start();
    for (const { worker } of this.#members) post(worker, { kind: 'prepare', job });
  }

  async #runIn<Name extends keyof Jobs & string>(
    { worker, waiting }: Member,
    { id, job, input }: { readonly id: number; readonly job: Name; readonly input: Jobs[Name]['input'] },
    options: RunOptions,
  ): Promise<Jobs[Name]['output']> {
    const { signal } = options;
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
    return [...this.#members].every(({ jobs }) => jobs.size === 0);
  }

  /** Gives the job to a thread, at once; undefined if all have as many as they may have. */
  #reserve(id: number): Member | undefined {
    const member = this.#choose();
    member?.jobs.add(id);
    return member;
  }

  async #reserveNext(id: number, signal: AbortSignal, deadline: Deadline | undefined): Promise<Member> {
    const isOver = deadline === undefined ? signal : AbortSignal.any([signal, deadline.signal]);
    for (;;) {
      try {
        await orAborted(this.#ended.promise, isOver);
      } catch (error) {
        if (deadline?.signal.aborted === true) throw error;
        throw new WalvaultError('interrupted', 'the job was given up', { cause: error });
      }
      const member = this.#reserve(id);
      if (member !== undefined) return member;
    }
  }

  /** The member with the fewest jobs; a new thread only when every member has one. */
  #choose(): Member | undefined {
    const { maxWorkers, jobsPerThread = Infinity } = this.#options;
    const [least] = [...this.#members].sort((a, b) => a.jobs.size - b.jobs.size);
    if (least?.jobs.size === 0) return least;
    if (this.#members.size < maxWorkers) return this.#start();
    return least !== undefined && least.jobs.size < jobsPerThread ? least : undefined;
  }

  /** A job has ended, or its thread: there may be room for another. */
  #tellEnd(): void {
    this.#ended.resolve();
    this.#ended = Promise.withResolvers<void>();
    clearTimeout(this.#idle);
    if (this.#isIdle()) this.#idle = setTimeout(() => void this.close(), idleMs).unref();
  }

  #start(): Member {
    const worker = this.#options.start();
    const waiting: Member['waiting'] = new Map();
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()));
    const member: Member = { worker, waiting, jobs: new Set(), ended };
    let reason = 'it ended';
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'secret') {
        this.#options.onSecret?.(new Secret(message.text));
        return;
      }
      if ('traffic' in message) this.#options.onTraffic?.(message.traffic);
      const waiter = waiting.get(message.id);
      if (waiter !== undefined) deliver(message, waiter);
      if (message.kind === 'done' || message.kind === 'failed') {
        member.jobs.delete(message.id);
        this.#tellEnd();
      }
    });
    worker.on('error', error => (reason = messageOf(error)));
    worker.once('exit', () => {
      this.#members.delete(member);
      this.#tellEnd();
      for (const { reject } of waiting.values())
        reject(new WalvaultError('internal', `a worker thread failed: ${reason}`, { retry: true }));
    });
    this.#members.add(member);
    return member;
  }
}

function startSilence(silence: SilenceLimit | undefined): Deadline | undefined {
  if (silence === undefined) return undefined;
  const { ms, what } = silence;
  const deadline = createDeadline(() => timeLimitError(what, ms));
  deadline.restart(ms + graceMs);
  return deadline;
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
