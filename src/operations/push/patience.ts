/**
 * The patience of one push: how long it goes on, and what it may conclude when it fails. One deadline,
 * `archive.timeout`, bounds all of it. Beside the deadline runs the stores' time: the time in which this process ran and
 * was not busy with the segment itself, so that only the repositories can have used it.
 *
 *                        encoding ──── endEncoding() ────▶ storing ──── end() ────▶ over
 *   the stores' time:    stands                            goes on, but while the next piece of a file is read
 *
 * Towards each repository it is in one of five states. While the queue is within its limit, or without one, a repository
 * begins as `answered`; over `archive.queue-limit` it has to show first that it is there:
 *
 *   unasked ──ask──▶ asked ──outage, ask──▶ asked-again
 *                      │ answer                │ answer
 *                      └──────────┬────────────┘
 *                                 ▼
 *                              answered ──retryable failure──▶ answered, while the first `archive.timeout` lasts
 *
 * What a failure means in the end:
 *
 *   asked-again, with time left   the repository is away: an outage
 *   the stores had half the time  the repository is too slow: an outage
 *   anything else                 this host was held up (`HeldUp`): nothing is known of the repository
 */
import { tap, type ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { startDeadline, timeLimitError, type Deadline } from '../../base/time/deadline.ts';
import { retryUntilDeadline } from '../../base/time/retry.ts';
import { heldWhile, RunningTime } from '../../base/time/running-time.ts';
import type { Repository } from '../../repository/repository.ts';
import type { PushOptions } from './options.ts';
import { HeldUp, isOutage } from './outage.ts';
import type { QueueState } from './queue-limit.ts';

type PatienceOptions = Pick<PushOptions, 'path' | 'timeoutMs' | 'onProgress' | 'signal'>;

/** Begins in the state `encoding`. */
export class Patience {
  readonly timeoutMs: number;
  readonly deadline: Deadline;
  readonly #storesTime = new RunningTime();
  readonly #onProgress: (() => void) | undefined;

  constructor({ path, timeoutMs, onProgress, signal }: PatienceOptions) {
    this.timeoutMs = timeoutMs;
    this.deadline = startDeadline(timeoutMs, `push ${path}`, signal);
    this.#onProgress = onProgress;
    this.#storesTime.hold();
  }

  get signal(): AbortSignal {
    return this.deadline.signal;
  }

  endEncoding(): void {
    this.#storesTime.release();
  }

  /** The pieces of a file that is not in memory: each one taken is progress. */
  watch(pieces: ByteStream): ByteStream {
    return tap(heldWhile(pieces, this.#storesTime), () => {
      this.deadline.restart();
      this.#storesTime.mark();
      this.#onProgress?.();
    });
  }

  /** @param queue when it is over its limit: then a repository that is out of reach is not waited for */
  towards(repository: Repository, queue: QueueState | undefined): RepositoryPatience {
    return new RepositoryPatience(this, repository, queue);
  }

  get spent(): TimeSpent {
    const { ms, msSinceMark } = this.#storesTime;
    return { isOver: this.signal.aborted, storesMs: this.signal.aborted ? msSinceMark : ms };
  }

  end(): void {
    this.deadline.clear();
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

  /** @throws HeldUp over the limit of the queue, where the repository cannot be blamed */
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

  /** Asks the repository by `look`; when that succeeds, it has answered. */
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

/** How far the acquaintance with a repository has come. */
export type Contact = 'unasked' | 'asked' | 'asked-again' | 'answered';

export function afterAsking(contact: Contact): Exclude<Contact, 'unasked'> {
  if (contact === 'unasked') return 'asked';
  return contact === 'asked' ? 'asked-again' : contact;
}

const patientMs = 5000;
const impatientMs = 1000;

/**
 * How long a repository may take for its first answer once the queue is over its limit, in the time in which this
 * process ran. At the full deadline for each segment of an outage a busy server would fill its disk all the same; too
 * short a time would take a slow store for one that is away. So it is short only when the queue goes on growing, and
 * for the last attempt, a fresh one that was not unlucky in the same way.
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
  /** Of the stores' time; when the push's time is over, what passed since its last progress. */
  readonly storesMs: number;
}

/** The failure says something about the repository. Where it does not, the next push has a new time. */
export function isConclusive(contact: Contact, timeoutMs: number, { isOver, storesMs }: TimeSpent): boolean {
  return (contact === 'asked-again' && !isOver) || storesMs >= timeoutMs / 2;
}
