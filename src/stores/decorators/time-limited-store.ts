/** A store in which nothing hangs: what the driver does not answer in time ends as `unreachable`. */
import { createDeadline, type Deadline } from '../../base/time/deadline.ts';
import { formatDuration } from '../../base/units.ts';
import { StoreError, type Store } from '../store.ts';
import { followOperations, type Operation, type StoreCall } from './operation.ts';

export interface TimeLimits {
  /** The driver's time for an answer, an entry of a listing or a chunk of a body. */
  readonly timeoutMs: number;
  /**
   * True: `put` is watched here too, by the bytes it takes. False: the driver watches each of its requests itself, and
   * what it does between them (a pause the service asked for) is not ours to cut short.
   */
  readonly watchesPut: boolean;
  /**
   * True: a call that does not end holds one of the few threads that the process has for files, and with enough of them no
   * file can be opened any more, be it on another disk. So nothing is begun while one hangs.
   */
  readonly holdsThreads: boolean;
  /** After an abort the driver has this long to end by itself and tidy up. Default 1 s. */
  readonly graceMs?: number | undefined;
}

/** Who takes less than this in one `timeoutMs` hangs. */
const leastBytes = 1024 ** 2;
/** What a driver may hold of a stream without having written it; it says nothing while it writes that. */
const mostUnwrittenBytes = 64 * leastBytes;
/** Deletions that a service surely does in one `timeoutMs`. */
const leastDeletions = 100;

/**
 * The caller's own time does not count: a slow reader or source never makes a store look dead. An operation that does
 * not end after an abort (a file system whose server is gone answers no signal) is left to itself after a moment.
 */
export function createTimeLimitedStore(inner: Store, limits: TimeLimits): Store {
  const abandoned = new Set<StoreCall>();
  return followOperations(
    inner,
    (call, signal) => new TimedOperation(call, signal, { ...limits, abandoned }),
  );
}

interface TimedStore extends TimeLimits {
  /** Calls left to themselves that have not ended since. */
  readonly abandoned: Set<StoreCall>;
}

class TimedOperation implements Operation {
  readonly signal: AbortSignal;
  readonly #call: StoreCall;
  readonly #limits: TimedStore;
  /** Of the driver's turns: it is paused while the caller has its own. */
  readonly #deadline: Deadline;
  #grace: NodeJS.Timeout | undefined;
  #abandon: (() => void) | undefined;
  #movedBytes = 0;
  #turns = 0;

  constructor(call: StoreCall, parent: AbortSignal, limits: TimedStore) {
    this.#call = call;
    this.#limits = limits;
    this.#deadline = createDeadline(limitMs => this.#tooLate(limitMs), parent);
    this.signal = this.#deadline.signal;
    this.signal.addEventListener('abort', () => this.#startGrace(), { once: true });
  }

  async driver<T>(work: () => Promise<T>): Promise<T> {
    // What was begun before goes on: its file is open, and only it can close that.
    if (this.#turns === 0) this.#assertNoneHangs();
    this.#turns++;
    const { abandoned } = this.#limits;
    return await new Promise<T>((resolve, reject) => {
      this.#abandon = () => {
        abandoned.add(this.#call);
        reject(this.signal.reason as Error);
      };
      if (this.signal.aborted) this.#startGrace();
      this.#startTurn();
      work()
        .then(resolve, reject)
        .finally(() => {
          abandoned.delete(this.#call);
          this.#endTurn();
        });
    });
  }

  #assertNoneHangs(): void {
    const { holdsThreads, abandoned } = this.#limits;
    const [hanging] = holdsThreads ? abandoned : [];
    if (hanging === undefined) return;
    const [action, earlier] = [this.#call, hanging].map(describe);
    throw new StoreError('unreachable', `${action}: an earlier call still hangs (${earlier})`);
  }

  async caller(next: () => Promise<IteratorResult<Uint8Array>>): Promise<IteratorResult<Uint8Array>> {
    this.#deadline.pause();
    const result = await next();
    if (result.done !== true) this.#movedBytes += result.value.length;
    if (this.#isInTurn) this.#startTurn();
    return result;
  }

  end(): void {
    this.#endTurn();
    this.#deadline.clear();
  }

  get #isInTurn(): boolean {
    return this.#abandon !== undefined;
  }

  #startTurn(): void {
    const limitMs = this.#limitMs();
    if (limitMs !== undefined) this.#deadline.restart(limitMs);
  }

  #tooLate(limitMs: number): StoreError {
    const what = this.#call.method === 'get' && this.#turns > 1 ? 'no byte' : 'no answer';
    return new StoreError('unreachable', `${describe(this.#call)}: ${what} for ${formatDuration(limitMs)}`);
  }

  #limitMs(): number | undefined {
    const { timeoutMs, watchesPut } = this.#limits;
    const { method, weight } = this.#call;
    switch (method) {
      case 'put': {
        const bytes = Math.min(weight + this.#movedBytes, mostUnwrittenBytes);
        return watchesPut ? timeoutMs * (1 + bytes / leastBytes) : undefined;
      }
      case 'delete':
      case 'other':
        return timeoutMs * (1 + weight / leastDeletions);
      default:
        return timeoutMs;
    }
  }

  #endTurn(): void {
    this.#deadline.pause();
    clearTimeout(this.#grace);
    this.#grace = undefined;
    this.#abandon = undefined;
  }

  /** The driver has a moment to end its turn by itself. */
  #startGrace(): void {
    if (this.#isInTurn) this.#grace ??= setTimeout(() => this.#abandon?.(), this.#limits.graceMs ?? 1000);
  }
}

function describe({ method, key }: StoreCall): string {
  return `${method === 'other' ? 'call' : method} ${key}`;
}
