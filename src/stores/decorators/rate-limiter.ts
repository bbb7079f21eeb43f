/** So many bytes a second, shared fairly by all who ask. */
import { orAborted, sleep } from '../../base/time/wait.ts';

export interface RateClock {
  /** Milliseconds, monotonic. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const realClock: RateClock = { now: () => performance.now(), sleep };

/** A timer is no finer than this: what is shorter is slept together with what follows. */
const shortestSleepMs = 2;

/**
 * A token bucket that holds no more than the request being made: time in which nobody asked is not saved up for a
 * burst. Requests are served in the order they came; long ones are to be made in pieces (`pieceBytes`), so that
 * several streams go forward side by side.
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

  /** Returns when these bytes may pass. @throws the signal's reason; then they count for nothing */
  async take(sizeBytes: number, signal: AbortSignal): Promise<void> {
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = turn.promise;
    try {
      await orAborted(before, signal);
      const waitMs = this.#paidUntil - this.#clock.now();
      if (waitMs >= shortestSleepMs) await this.#clock.sleep(waitMs, signal);
      const costMs = sizeBytes / this.#bytesPerMs;
      // A timer that came late is made up for, by no more than this one piece.
      this.#paidUntil = Math.max(this.#paidUntil, this.#clock.now() - costMs) + costMs;
    } finally {
      void before.then(() => turn.resolve());
    }
  }
}
