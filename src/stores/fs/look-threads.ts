/**
 * Threads that read directories for a long listing, and look at each file (lstat). By way of Node's thread pool each look
 * costs two sleeps and two wake-ups, which is most of a listing's time; a thread makes the calls of a whole directory one
 * after the other.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { keepYoungHeapSmall } from '../../base/threads/small-young-heap.ts';
import { sidecarName } from '../driver-kit/key.ts';

const mostThreads = 4;
/** A directory with more is listed by the caller, in pieces. */
const mostFiles = 5000;
/** The garbage of a directory; by default a thread's heap would first grow to several times this. */
const youngGenerationMiB = 4;

export interface LookedAt {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modified: Date;
}

/**
 * Text, because a thread with nothing to load starts in the fewest milliseconds, also in the executable. It answers without
 * `found` about a directory that it cannot read, or that has more than files: the caller lists it, and meets the error.
 */
const program = `
const { lstatSync, readdirSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
const sidecar = /${sidecarName.source}/;
function look(directory) {
  const names = readdirSync(directory).filter(name => !(name.endsWith('.meta') && sidecar.test(name))).sort();
  if (names.length > ${mostFiles}) return undefined;
  const numbers = new Float64Array(names.length * 2);
  const found = [];
  for (const name of names) {
    const stat = lstatSync(directory + '/' + name, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (stat.isDirectory() || stat.isSymbolicLink()) return undefined;
    if (!stat.isFile()) continue;
    numbers[found.length * 2] = stat.size;
    numbers[found.length * 2 + 1] = stat.mtimeMs;
    found.push(name);
  }
  return { names: found.join('/'), numbers };
}
parentPort.on('message', ({ id, directory }) => {
  let found;
  try {
    found = look(directory);
  } catch {}
  parentPort.postMessage({ id, found }, []);
});
`;

interface Found {
  /** With slashes between them: one long text crosses to another thread in less time than many short ones. */
  readonly names: string;
  /** For each its size in bytes, and its time of modification in milliseconds. */
  readonly numbers: Float64Array;
}

interface Answer {
  readonly id: number;
  readonly found: Found | undefined;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, (found: Found | undefined) => void>;
}

export class LookThreads implements AsyncDisposable {
  readonly #threads: Thread[] = [];
  #heap: Disposable | undefined;
  #lastId = 0;

  /**
   * The plain files in a directory but sidecars, in the order of their names; undefined if the caller must list it.
   * `directory` is a path at which its thread finds it, too.
   */
  async look(directory: string): Promise<LookedAt[] | undefined> {
    const { worker, waiting } = this.#next();
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Found | undefined>();
    waiting.set(id, resolve);
    worker.postMessage({ id, directory }, []);
    const found = await promise;
    return found && lookedAt(found);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#heap?.[Symbol.dispose]();
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  /** The one with the least to do; a new one while each has something. */
  #next(): Thread {
    const [least] = this.#threads.toSorted((a, b) => a.waiting.size - b.waiting.size);
    const isFull = this.#threads.length >= Math.min(mostThreads, availableParallelism());
    return least !== undefined && (least.waiting.size === 0 || isFull) ? least : this.#start();
  }

  #start(): Thread {
    this.#heap ??= keepYoungHeapSmall();
    const worker = new Worker(program, {
      eval: true,
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiB },
    });
    // One that hangs in a call to a dead file server must not keep the process.
    worker.unref();
    const waiting: Thread['waiting'] = new Map();
    const thread = { worker, waiting };
    worker.on('message', ({ id, found }: Answer) => {
      waiting.get(id)?.(found);
      waiting.delete(id);
    });
    // What it was asked is listed without it.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      this.#threads.splice(this.#threads.indexOf(thread), 1);
      for (const give of waiting.values()) give(undefined);
    });
    this.#threads.push(thread);
    return thread;
  }
}

function lookedAt({ names, numbers }: Found): LookedAt[] {
  if (names === '') return [];
  return names.split('/').map((name, index) => ({
    name,
    sizeBytes: numbers[index * 2] ?? 0,
    modified: new Date(numbers[index * 2 + 1] ?? 0),
  }));
}
