/**
 * The patience of one push: how long it goes on, and what a failure proves. One deadline, `archive.timeout`, bounds the
 * whole push; when the server is stopping, it ends sooner (stopping-server.ts). Beside the deadline runs the stores' time: the time in which this process ran and was not busy with the
 * segment itself, so that only the repositories can have used it.
 *
 *                        encoding ──── endEncoding() ────▶ storing ──── end() ────▶ over
 *   the stores' time:    stands                            goes on, except while a piece of a file is read
 *
 * Each repository has a state. Without `archive.queue-limit`, or while the queue is below it, a repository begins as
 * `answered`; above the limit it first has to show that it is reachable:
 *
 *   unasked ──ask──▶ asked ──outage, ask──▶ asked-again
 *                      │ answer                │ answer
 *                      └──────────┬────────────┘
 *                                 ▼
 *                              answered ──retryable failure──▶ answered, while the first `archive.timeout` lasts
 *
 * What a failure proves at the end:
 *
 *   asked-again, with time left   the repository is unreachable: an outage
 *   the stores had half the time  the repository is too slow: an outage
 *   anything else                 this host was held up (`HeldUp`): it proves nothing about the repository
 */
import { tap, type ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { startDeadline, timeLimitError, type Deadline } from '../../base/time/deadline.ts';
import { retryUntilDeadline } from '../../base/time/retry.ts';
import { heldWhile, RunningTime } from '../../base/time/running-time.ts';
import { watchForStop, type StopWatch } from '../../postgres/cluster/stopping-server.ts';
import type { Repository } from '../../repository/repository.ts';
import type { PushOptions } from './options.ts';
import { HeldUp, isOutage } from './outage.ts';
import type { QueueState } from './queue-limit.ts';

type PatienceOptions = Pick<PushOptions, 'path' | 'timeoutMs' | 'archiver' | 'onProgress' | 'signal'>;

/** The time of one push. It begins in the state `encoding`. */
export class Patience {
  readonly timeoutMs: number;
  readonly deadline: Deadline;
  readonly #storesTime = new RunningTime();
  readonly #stop: StopWatch | undefined;
  readonly #onProgress: (() => void) | undefined;

  constructor({ path, timeoutMs, archiver, onProgress, signal }: PatienceOptions) {
    this.timeoutMs = timeoutMs;
    this.#stop = archiver && watchForStop(path, archiver.spentMs);
    const parent = this.#stop === undefined ? signal : AbortSignal.any([signal, this.#stop.signal]);
    this.deadline = startDeadline(timeoutMs, `push ${path}`, parent);
    this.#onProgress = onProgress;
    this.#storesTime.hold();
  }

  get signal(): AbortSignal {
    return this.deadline.signal;
  }

  endEncoding(): void {
    this.#storesTime.release();
  }

  /** Passes on the pieces of a file that is too large for memory; each piece restarts the deadline. */
  watch(pieces: ByteStream): ByteStream {
    return tap(heldWhile(pieces, this.#storesTime), () => {
      this.deadline.restart();
      this.#stop?.restart();
      this.#storesTime.mark();
      this.#onProgress?.();
    });
  }

  /** @param queue the queue, if it is over its limit: then the push does not wait for an unreachable repository */
  towards(repository: Repository, queue: QueueState | undefined): RepositoryPatience {
    return new RepositoryPatience(this, repository, queue);
  }

  get spent(): TimeSpent {
    const { ms, msSinceMark } = this.#storesTime;
    return { isOver: this.signal.aborted, storesMs: this.signal.aborted ? msSinceMark : ms };
  }

  end(): void {
    this.deadline.clear();
    this.#stop?.clear();
    this.#storesTime.clear();
  }
}

export class RepositoryPatience {
  readonly #whole: Patience;
  readonly #repository: Repository;
  readonly #queue: QueueState | undefined;
  #contact: Contact;

  constructor(whole: Patience, repository: Repository, queue: QueueState | undefined) {
    this.#whole = whole;
    this.#repository = repository;
    this.#queue = queue;
    this.#contact = queue === undefined ? 'answered' : 'unasked';
  }

  get signal(): AbortSignal {
    return this.#whole.signal;
  }

  get isOverQueueLimit(): boolean {
    return this.#queue !== undefined;
  }

  /** @throws HeldUp over the limit of the queue, if the repository is not to blame */
  async retry<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await retryUntilDeadline(attempt, this.#whole.deadline, {
        isRetryable: error => mayRetry(this.#contact, this.#repository, error),
      });
    } catch (error) {
      if (this.#queue === undefined || !(error instanceof WalvaultError) || !error.retry) throw error;
      throw isConclusive(this.#contact, this.#whole.timeoutMs, this.#whole.spent) ? error : new HeldUp(error);
    }
  }

  /** Asks the repository with `look`; if that succeeds, the repository has answered. */
  async ask(look: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#contact = afterAsking(this.#contact);
    if (this.#queue === undefined || this.#contact === 'answered') return await look(this.signal);
    const limitMs = firstAnswerMs(this.#queue, this.#contact);
    const silence = new AbortController();
    const time = new RunningTime(ms => {
      if (ms >= limitMs) silence.abort(timeLimitError(`repository "${this.#repository.name}"`, limitMs));
    });
    try {
      await look(AbortSignal.any([this.signal, silence.signal]));
      this.#contact = 'answered';
    } finally {
      time.clear();
    }
  }
}

/** How often a push has asked a repository, and whether the repository has answered. */
export type Contact = 'unasked' | 'asked' | 'asked-again' | 'answered';

export function afterAsking(contact: Contact): Exclude<Contact, 'unasked'> {
  if (contact === 'unasked') return 'asked';
  return contact === 'asked' ? 'asked-again' : contact;
}

const patientMs = 5000;
const impatientMs = 1000;

/**
 * How long a repository may take for its first answer once the queue is over its limit; only time in which this process
 * ran counts. With the full deadline for each segment, a busy server would fill its disk during an outage; with too
 * short a time, a slow store would look unreachable. So the time is short only when the queue keeps growing, and for
 * the second attempt, which starts afresh.
 */
export function firstAnswerMs(
  { backlogBytes, limitBytes }: QueueState,
  contact: 'asked' | 'asked-again',
): number {
  return contact === 'asked-again' || backlogBytes > 2 * limitBytes ? impatientMs : patientMs;
}

export function mayRetry(
  contact: Contact,
  repository: Pick<Repository, 'expectedId'>,
  error: WalvaultError,
): boolean {
  if (contact === 'answered') return error.retry;
  return contact !== 'asked-again' && isOutage(repository, error);
}

export interface TimeSpent {
  readonly isOver: boolean;
  /** The stores' time so far; after the deadline, the stores' time since the last progress. */
  readonly storesMs: number;
}

/** True if the failure proves an outage of the repository. If it proves nothing, the next push has its full time. */
export function isConclusive(contact: Contact, timeoutMs: number, { isOver, storesMs }: TimeSpent): boolean {
  return (contact === 'asked-again' && !isOver) || storesMs >= timeoutMs / 2;
}
