/** The pace of sending ahead, from the results of earlier files: side by side, one by one, or not at all. */
import type { PlainError } from '../../base/errors/plain-error.ts';
import type { LookAheadState } from './look-ahead.ts';
import type { PushAnswer } from './sender.ts';

/**
 * Why a file is sent. `asked`: PostgreSQL asked for it. `next`: it came first in PostgreSQL's order. `ahead`: earlier
 * files were still on their way.
 */
export type SendReason = 'asked' | 'next' | 'ahead';

/** After a failure, a file is left to the archiver's own retries for this long. */
const failedForMs = 60_000;

export class AheadPace {
  readonly #failed = new Map<string, { readonly at: number; readonly isRefused: boolean }>();
  /**
   * True at first, and after a problem that the next file would meet too; false once a file that came next in order is
   * new in the archive. PostgreSQL stops at a conflict: where another server archives the same timeline, no file may be
   * put behind a refused one, and a file that is there already may be that server's. A killed agent of ours may also
   * have put it there, so sending goes on, one by one as PostgreSQL does.
   */
  #isOneByOne = true;
  /** True while the store is unreachable: no file is sent ahead until one that was asked for is durable. */
  #hasGivenUp = false;

  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Notes the result of one file. @param name of a file of this server's `pg_wal` */
  note(name: string, answer: PushAnswer, why: SendReason): void {
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
    // A file that came first may have been refused while the one that was asked for was on its way.
    const isRefused = [...this.#failed.values()].some(failed => failed.isRefused);
    return { failed: new Set(this.#failed.keys()), isOneByOne: this.#isOneByOne || isRefused };
  }
}

/**
 * True if the next file need not meet the same problem: other problems are the store's, the configuration's, or another
 * server's.
 */
function isOfThisFileAlone({ code }: PlainError): boolean {
  return code === 'invalid-file' || code === 'local-io';
}
