/** How far the queue may go beyond what is asked for, by what became of the files before. */
import type { PlainError } from '../../base/errors/plain-error.ts';
import type { LookAheadState } from './look-ahead.ts';
import type { PushAnswer } from './sender.ts';

/** `next`: it came first in PostgreSQL's order; `ahead`: others before it were still on their way. */
export type Reason = 'asked' | 'next' | 'ahead';

/** Time a file that failed is left to the archiver's own repetition. */
const failedForMs = 60_000;

export class Pace {
  readonly #failed = new Map<string, { readonly at: number; readonly isRefused: boolean }>();
  /**
   * Until something that is next in order is new in the archive, and again after trouble that the next file would meet too.
   * PostgreSQL stops at a conflict: where another server archives the same timeline, nothing may be put behind what
   * was refused, and what is there already may be that server's. It may be a killed agent's of our own, too, so that
   * it goes on, one by one as PostgreSQL itself does.
   */
  #isOneByOne = true;
  /** The store is away, and each that is asked for has its turn alone until one arrives. */
  #hasGivenUp = false;

  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** @param name of a file of this server's */
  note(name: string, answer: PushAnswer, why: Reason): void {
    if (answer.kind === 'failed') {
      const { failure } = answer;
      this.#failed.set(name, { at: performance.now(), isRefused: failure.code === 'conflict' });
      this.#isOneByOne ||= !isOfThisFileAlone(failure);
      return;
    }
    this.#failed.delete(name);
    this.#hasGivenUp = !answer.isDurable;
    if (!answer.isNew) this.#isOneByOne = true;
    else if (why !== 'ahead') this.#isOneByOne = false;
  }

  limits(): Pick<LookAheadState, 'failed' | 'isOneByOne'> {
    const now = performance.now();
    for (const [name, { at }] of this.#failed) if (now - at > failedForMs) this.#failed.delete(name);
    // One that came first may have been refused while what was asked for was on its way.
    const isRefused = [...this.#failed.values()].some(failed => failed.isRefused);
    return { failed: new Set(this.#failed.keys()), isOneByOne: this.#isOneByOne || isRefused };
  }
}

/** Other trouble is the store's, the configuration's, or another server's. */
function isOfThisFileAlone({ code }: PlainError): boolean {
  return code === 'invalid-file' || code === 'local-io';
}
