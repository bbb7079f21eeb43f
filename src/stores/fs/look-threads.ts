/**
 * Threads that read directories for a long listing, and look at each file (lstat). By way of Node's thread pool each look
 * costs two sleeps and two wake-ups, which is most of a listing's time; a thread makes the calls of a whole directory one
 * after the other.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { keepYoungHeapSmall } from '../../base/threads/small-young-heap.ts';
import type { HeldDirectory } from './held-directory.ts';
import { lookProgram, type Answer, type Found, type Question } from './look-program.ts';

const mostThreads = 4;
/** The garbage of a directory; by default a thread's heap would first grow to several times this. */
const youngGenerationMiB = 4;

interface Thread {
  readonly worker: Worker;
  /** Who asked, in the order of the questions, which is that of the answers. */
  readonly waiting: ((found: Found | undefined) => void)[];
}

export class LookThreads implements AsyncDisposable {
  readonly #threads: Thread[] = [];
  #heap: Disposable | undefined;

  /**
   * The plain files but sidecars in the directory `name` below one that stays held meanwhile, in the order of their names;
   * undefined if the caller must list it.
   */
  async look(held: HeldDirectory, name: string): Promise<Found | undefined> {
    const { worker, waiting } = this.#next();
    const question: Question = { above: held.path(), name };
    const { promise, resolve } = Promise.withResolvers<Found | undefined>();
    waiting.push(resolve);
    worker.postMessage(question, []);
    return await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#heap?.[Symbol.dispose]();
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  /** The one with the least to do; a new one while each has something. */
  #next(): Thread {
    let least: Thread | undefined;
    for (const thread of this.#threads)
      if (least === undefined || thread.waiting.length < least.waiting.length) least = thread;
    const isFull = this.#threads.length >= Math.min(mostThreads, availableParallelism());
    return least !== undefined && (least.waiting.length === 0 || isFull) ? least : this.#start();
  }

  #start(): Thread {
    this.#heap ??= keepYoungHeapSmall();
    const worker = new Worker(lookProgram, {
      eval: true,
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiB },
    });
    // One that hangs in a call to a dead file server must not keep the process.
    worker.unref();
    const waiting: Thread['waiting'] = [];
    const thread = { worker, waiting };
    worker.on('message', ({ found }: Answer) => waiting.shift()?.(found));
    // What it was asked is listed without it.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      this.#threads.splice(this.#threads.indexOf(thread), 1);
      for (const give of waiting) give(undefined);
    });
    this.#threads.push(thread);
    return thread;
  }
}
