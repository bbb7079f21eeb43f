/** A store with a time limit: a call that the driver does not answer in time ends as `unreachable`. */
import { createDeadline, type Deadline } from '../../base/time/deadline.ts';
import { formatDuration } from '../../base/units.ts';
import { StoreError, type Store } from '../store.ts';
import { followOperations, type Operation, type StoreCall } from './operation.ts';

export interface TimeLimits {
  /** The driver's time for an answer, an entry of a listing or a chunk of a body. */
  readonly timeoutMs: number;
  /**
   * True: `put` has a time limit here too, by the number of bytes it takes. False: the driver limits each of its requests
   * itself, and may pause between them because the service asked for it.
   */
  readonly watchesPut: boolean;
  /**
   * True: a call that does not end holds one of the few threads that the process has for files. With enough such calls no
   * file can be opened any more, not even on another disk. So no call is begun while another one hangs.
   */
  readonly holdsThreads: boolean;
  /** How long the driver may take after an abort to clean up and end by itself. Default 1 s. */
  readonly graceMs?: number | undefined;
}

/** A `put` that writes fewer bytes than this in one `timeoutMs` hangs. */
const leastBytes = 1024 ** 2;
/** How many bytes of a stream a driver may have taken and not written; while it writes them it reports no progress. */
const mostUnwrittenBytes = 64 * leastBytes;
/** A service that works does at least this many deletions in one `timeoutMs`. */
const leastDeletions = 100;

/**
 * The caller's own time does not count: a slow reader or source never makes a store look dead. An operation that does not
 * end soon after an abort (a network file system without its server ignores signals) is abandoned.
 */
export function createTimeLimitedStore(inner: Store, limits: TimeLimits): Store {
  const abandoned = new Set<StoreCall>();
  return followOperations(
    inner,
    (call, signal) => new TimedOperation(call, signal, { ...limits, abandoned }),
  );
}

interface TimedStore extends TimeLimits {
  /** Abandoned calls that have not ended yet. */
  readonly abandoned: Set<StoreCall>;
}

class TimedOperation implements Operation {
  readonly signal: AbortSignal;
  readonly #call: StoreCall;
  readonly #limits: TimedStore;
  /** The deadline of the driver's turns; it is paused during the caller's turns. */
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
    // An operation that has begun goes on: its file is open, and only the operation can close it.
    if (this.#turns === 0) this.#assertNoneHangs();
    this.#turns++;
    const { abandoned } = this.#limits;
    return await new Promise<T>((resolve, reject) => {
      // Forgotten at the end of the turn: V8 keeps what an aged closure refers to until the next full collection, here
      // each page of a long listing.
      let giveUp: typeof reject | undefined = reject;
      this.#abandon = () => {
        abandoned.add(this.#call);
        giveUp?.(this.signal.reason as Error);
      };
      if (this.signal.aborted) this.#startGrace();
      this.#startTurn();
      work()
        .then(resolve, reject)
        .finally(() => {
          abandoned.delete(this.#call);
          this.#endTurn();
          giveUp = undefined;
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

  /** Gives the driver a moment to end its turn by itself. */
  #startGrace(): void {
    if (this.#isInTurn) this.#grace ??= setTimeout(() => this.#abandon?.(), this.#limits.graceMs ?? 1000);
  }
}

function describe({ method, key }: StoreCall): string {
  return `${method === 'other' ? 'call' : method} ${key}`;
}
