/**
 * Time in which this process ran. One that was stopped, has little of a processor, or computed for long without a pause
 * has not read what arrived meanwhile: such time says nothing about whoever was to answer.
 */
import type { ByteStream } from '../bytes/streams.ts';
import { monotonicMs } from './clock.ts';

/** Counted in steps of this length: one that takes longer counts no more. */
const stepMs = 50;

/** After a step that came this much too late there may be an answer that nobody has looked at. */
const lateMs = 250;

export class RunningTime {
  #ms = 0;
  #markedMs = 0;
  #holds = 0;
  #timer: NodeJS.Timeout;

  /** `onStep` is told the time at each step that came in time. */
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

  /** From now on time does not count, until as many calls of `release` have come. */
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

/** Passes bytes through; the time that each takes to come does not count. */
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
