/** A limit on bytes a second, shared fairly by all its callers. */
import { orAborted, sleep } from '../../base/time/wait.ts';

export interface RateClock {
  /** The time in milliseconds, monotonic. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const realClock: RateClock = { now: () => performance.now(), sleep };

/** Timers are no finer than this: a shorter pause is added to the next one. */
const shortestSleepMs = 2;

/**
 * A token bucket that holds no more than the current request: idle time is not saved up for a burst. Requests are served
 * in their order. Split a long request into pieces (`pieceBytes`), so that several streams move at the same time.
 */
export class RateLimiter {
  static readonly pieceBytes = 64 * 1024;

  readonly #bytesPerMs: number;
  readonly #clock: RateClock;
  #paidUntil: number;
  #last: Promise<void> = Promise.resolve();

  constructor(bytesPerSecond: number, clock: RateClock = realClock) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#clock = clock;
    this.#paidUntil = clock.now();
  }

  /** Returns when these bytes may pass. @throws the signal's reason; then the bytes do not count */
  async take(sizeBytes: number, signal: AbortSignal): Promise<void> {
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = turn.promise;
    try {
      await orAborted(before, signal);
      const waitMs = this.#paidUntil - this.#clock.now();
      if (waitMs >= shortestSleepMs) await this.#clock.sleep(waitMs, signal);
      const costMs = sizeBytes / this.#bytesPerMs;
      // A late timer is made up for, by no more than this one piece.
      this.#paidUntil = Math.max(this.#paidUntil, this.#clock.now() - costMs) + costMs;
    } finally {
      void before.then(() => turn.resolve());
    }
  }
}
