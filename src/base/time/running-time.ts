/**
 * The time in which this process really ran. While it is stopped, gets little processor time or computes without a
 * pause, it does not read what arrives: such time says nothing about the other side, which may have answered.
 */
import type { ByteStream } from '../bytes/streams.ts';
import { monotonicMs } from './clock.ts';

/** The time is counted in steps of this length; a step that takes longer counts as one. */
const stepMs = 50;

/** After a step that is this late, an answer may have arrived that was not read yet. */
const lateMs = 250;

export class RunningTime {
  #ms = 0;
  #markedMs = 0;
  #holds = 0;
  #timer: NodeJS.Timeout;

  /** `onStep` gets the time at each step that was not late. */
  constructor(onStep: (ms: number) => void = () => undefined) {
    let dueAt = monotonicMs() + stepMs;
    this.#timer = setTimeout(() => {
      const isLate = monotonicMs() - dueAt > lateMs;
      if (this.#holds === 0) this.#ms += stepMs;
      dueAt = monotonicMs() + stepMs;
      this.#timer.refresh();
      if (!isLate) onStep(this.#ms);
    }, stepMs);
  }

  get ms(): number {
    return this.#ms;
  }

  get msSinceMark(): number {
    return this.#ms - this.#markedMs;
  }

  /** Time does not count from now on, until `release` was called as often as `hold`. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
  }

  mark(): void {
    this.#markedMs = this.#ms;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** Passes bytes through; the time spent waiting for each chunk does not count. */
export async function* heldWhile(source: ByteStream, time: RunningTime): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      time.hold();
      const next = await chunks.next().finally(() => time.release());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}
