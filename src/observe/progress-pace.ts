/** The pace of some work, from samples of how much is done: its rate over the last half minute, and the time left. Pure. */

/** What came before is forgotten: the rate tells about now. */
const windowMs = 30_000;
/** A rate over less than this is chance. */
const shortestMs = 2000;
/** Samples closer to each other than this are one, so that memory holds few. */
const sampleEveryMs = 500;

interface Sample {
  readonly atMs: number;
  readonly done: number;
}

export class Pace {
  /** The oldest may be older than the window: then nothing happened since. */
  #samples: Sample[] = [];
  #newest: Sample | undefined;

  /** Notes how much is done at a moment. Less than before means that the work has begun anew. */
  note(done: number, atMs: number): void {
    if (this.#newest !== undefined && done < this.#newest.done) this.#samples = [];
    this.#newest = { atMs, done };
    const last = this.#samples.at(-1);
    if (last === undefined || atMs - last.atMs >= sampleEveryMs) this.#samples.push(this.#newest);
    while ((this.#samples[1]?.atMs ?? atMs) <= atMs - windowMs) this.#samples.shift();
  }

  /** How much is done in a second; undefined as long as too little was seen. */
  get perSecond(): number | undefined {
    const [oldest] = this.#samples;
    if (oldest === undefined || this.#newest === undefined) return undefined;
    const passedMs = this.#newest.atMs - oldest.atMs;
    return passedMs < shortestMs ? undefined : ((this.#newest.done - oldest.done) / passedMs) * 1000;
  }

  /** The time that the rest takes at this rate; undefined while nothing moves. */
  remainingMs(total: number): number | undefined {
    const rate = this.perSecond;
    if (rate === undefined || rate <= 0 || this.#newest === undefined) return undefined;
    return (Math.max(0, total - this.#newest.done) / rate) * 1000;
  }
}
