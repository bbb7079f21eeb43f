/** Adds rates and the remaining time to events of progress, each stage of a run by itself. */
import type { ProgressEvent } from './events/run.ts';
import { Pace } from './progress-pace.ts';

export class ProgressMeter {
  readonly #now: () => number;
  #stage: ProgressEvent['stage'] | undefined;
  #bytes = new Pace();
  #objects = new Pace();

  /** `now`: milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The time left follows from the bytes where their total is known, else from the objects. */
  measure(event: ProgressEvent): ProgressEvent {
    if (event.stage !== this.#stage) {
      this.#stage = event.stage;
      this.#bytes = new Pace();
      this.#objects = new Pace();
    }
    const { doneBytes, totalBytes, doneObjects, totalObjects } = event;
    if (doneBytes !== undefined) this.#bytes.note(doneBytes, this.#now());
    if (doneObjects !== undefined) this.#objects.note(doneObjects, this.#now());
    const remainingMs =
      totalBytes !== undefined
        ? this.#bytes.remainingMs(totalBytes)
        : totalObjects && this.#objects.remainingMs(totalObjects);
    return {
      ...event,
      ...rounded('bytesPerSecond', this.#bytes.perSecond),
      ...rounded('objectsPerSecond', this.#objects.perSecond),
      ...rounded('remainingMs', remainingMs),
    };
  }
}

function rounded(name: keyof ProgressEvent, value: number | undefined): Partial<ProgressEvent> {
  return value === undefined ? {} : { [name]: Math.round(value) };
}
