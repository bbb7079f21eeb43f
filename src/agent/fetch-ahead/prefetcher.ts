/**
 * Fetches the segments that a recovery will ask for next, and hands them over when it does. The prefetcher only knows
 * the files that it holds; fetch itself decides about all others.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { endsWithin } from '../../base/time/wait.ts';
import { identityOf, isSameFile } from '../../base/files/identity.ts';
import { isSetToRecover, lookOut, type Outlook } from '../../operations/fetch/outlook.ts';
import { type PlainError, toPlainError } from '../../base/errors/plain-error.ts';
import type { FetchAhead } from '../../workers/jobs/fetch-ahead.ts';
import type { AheadAnswer, AheadFetcher } from './fetcher.ts';
import type { PrefetchFigures, ReadyFile } from '../client/protocol.ts';
import { PrefetchDirectory } from './prefetch-directory.ts';
import { planPrefetch } from './plan.ts';
import type { Event, Log } from '../../observe/events/events.ts';

export interface PrefetcherOptions {
  readonly fetcher: AheadFetcher;
  readonly dataDirectory: string;
  /** `pg_wal` without symbolic links. */
  readonly walDirectory: string;
  /** WAL to fetch ahead; 0: none. */
  readonly depthBytes: number;
  readonly jobs: number;
  /**
   * Longest time in which nothing arrives, as for fetch. A question waits no longer than `timeoutMs` for a segment on
   * its way.
   */
  readonly timeoutMs: number;
  readonly standbyTimeoutMs: number;
  /** Called for each failure to fetch ahead. */
  readonly onFailure: (failure: PlainError) => void;
  readonly log: Log;
}

export interface SegmentQuestion {
  readonly name: string;
  /** Absolute. */
  readonly destination: string;
  /** `--timeline`. */
  readonly timeline?: number | undefined;
}

export interface ReadySegment {
  readonly file: ReadyFile;
  /** Events of fetching the segment. */
  readonly events: readonly Event[];
}

/** After this long without a question the recovery streams or is paused, and the space is given back. */
const keepForMs = 5 * 60_000;

export class Prefetcher {
  readonly #options: PrefetcherOptions;
  readonly #directory: PrefetchDirectory;
  readonly #ready = new Map<string, ReadySegment>();
  readonly #running = new Map<string, Promise<void>>();
  /** The segment handed over at the last question; the recovery may not have taken it yet. */
  #handed: string | undefined;
  #outlook: Outlook | undefined;
  /** True after a segment that did not arrive, until the recovery asks for another place. */
  #isStopped = false;
  #isClosed = false;
  #inARow = 0;
  #fetched = 0;
  #served = 0;
  #failed = 0;
  #lastAskedAt = performance.now();
  /** Aborts the fetches of the present state; the next state has its own controller. */
  #round = new AbortController();

  constructor(options: PrefetcherOptions) {
    this.#options = options;
    this.#directory = new PrefetchDirectory(options.walDirectory);
  }

  get figures(): PrefetchFigures {
    return {
      running: [...this.#running.keys()],
      ready: this.#ready.size,
      fetched: this.#fetched,
      served: this.#served,
      failed: this.#failed,
    };
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** Removes what a killed agent left. */
  removeLeftovers(): void {
    this.#attempt(() => this.#directory.removeAbandoned());
  }

  /**
   * Undefined: the asking fetch gets the segment itself.
   * @throws WalvaultError, system errors where the data directory cannot be read
   */
  async ask(question: SegmentQuestion): Promise<ReadySegment | undefined> {
    const { dataDirectory, walDirectory, depthBytes } = this.#options;
    if (this.#isClosed || depthBytes === 0) return undefined;
    const { name, destination, timeline } = question;
    if (realpathSync.native(dirname(destination)) !== walDirectory) return undefined;
    const { signal } = this.#round;
    const outlook = await lookOut({ name, timeline, dataDirectory, walDirectory, depthBytes, signal });
    if (outlook === undefined || signal.aborted) return undefined;
    this.#lastAskedAt = performance.now();
    if (outlook.systemId !== this.#outlook?.systemId) {
      this.#forget();
      // Segments of the other system may have the same names, and the question does not wait until their fetches have
      // ended.
      if (!this.isIdle) return undefined;
      this.#release();
    }
    if (outlook.place !== this.#outlook?.place) this.#isStopped = false;
    this.#outlook = outlook;
    this.#handed = undefined;
    this.#goOn();
    if (!outlook.isOnBranch) return undefined;
    await this.#arrival(name);
    return this.#take(name);
  }

  /** Gives the space back when the recovery is over or has not asked for long. */
  async lookAround(): Promise<void> {
    if (this.#outlook === undefined) return;
    const isQuiet = performance.now() - this.#lastAskedAt > keepForMs;
    if (isQuiet || !isSetToRecover(this.#options.dataDirectory)) await this.#clear();
  }

  /** Resolves when no fetch is in flight and no file of ours is left on disk. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#clear();
  }

  async #arrival(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running !== undefined) await endsWithin(this.#options.timeoutMs, running);
  }

  #take(name: string): ReadySegment | undefined {
    const segment = this.#ready.get(name);
    if (segment === undefined) return undefined;
    this.#ready.delete(name);
    const { path, identity } = segment.file;
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (found === undefined || !isSameFile(identityOf(found), identity)) return undefined;
    this.#handed = name;
    this.#served++;
    this.#goOn();
    return segment;
  }

  #goOn(): void {
    const outlook = this.#outlook;
    if (outlook === undefined || this.#isClosed) return;
    this.#attempt(() => {
      const { start, discard } = planPrefetch({
        asked: outlook.name,
        upcoming: outlook.upcoming,
        ready: new Set(this.#ready.keys()),
        running: new Set(this.#running.keys()),
        inARow: this.#inARow,
        jobs: this.#options.jobs,
      });
      for (const name of discard) this.#ready.delete(name);
      if (this.#isStopped || start.length === 0) return;
      if (!this.#hasPlace(outlook)) {
        this.#isStopped = true;
        return;
      }
      this.#tidy(outlook);
      for (const name of start) this.#start(name, outlook);
    });
  }

  /** Fetching ahead must never take the space that the recovery itself needs. */
  #hasPlace({ geometry }: Outlook): boolean {
    const wantedBytes = Math.max(this.#options.depthBytes, geometry.segmentSizeBytes);
    return this.#directory.freeBytes() >= 2 * wantedBytes && this.#directory.acquire();
  }

  #tidy({ systemId }: Outlook): void {
    const kept = [...this.#ready.keys(), ...this.#running.keys()];
    this.#directory.keepOnly(systemId, this.#handed === undefined ? kept : [...kept, this.#handed]);
  }

  #start(name: string, { systemId, geometry, mode }: Outlook): void {
    const { timeoutMs, standbyTimeoutMs } = this.#options;
    const silenceMs = mode === 'standby' ? standbyTimeoutMs : timeoutMs;
    const { segmentSizeBytes } = geometry;
    const destination = this.#directory.pathOf(systemId, name);
    this.#running.set(name, this.#fetch({ name, destination, systemId, segmentSizeBytes, silenceMs }));
  }

  async #fetch(job: FetchAhead): Promise<void> {
    const { signal } = this.#round;
    const answer = await this.#options.fetcher.fetchAhead(job, signal);
    this.#running.delete(job.name);
    if (!signal.aborted) this.#count(job, answer);
  }

  #count({ name, destination }: FetchAhead, answer: AheadAnswer): void {
    if (answer.kind === 'ready') {
      this.#inARow++;
      this.#fetched++;
      this.#ready.set(name, {
        file: { path: destination, identity: answer.identity },
        events: answer.events,
      });
      this.#goOn();
      return;
    }
    this.#isStopped = true;
    this.#inARow = 0;
    if (answer.kind === 'absent') return;
    this.#failed++;
    this.#options.onFailure(answer.failure);
  }

  async #clear(): Promise<void> {
    this.#forget();
    await Promise.all(this.#running.values());
    this.#release();
  }

  #forget(): void {
    this.#outlook = undefined;
    this.#handed = undefined;
    this.#inARow = 0;
    this.#ready.clear();
    this.#round.abort(new Error('not wanted any more'));
    this.#round = new AbortController();
  }

  #release(): void {
    // A question may have come while the fetches ended.
    if (this.isIdle && this.#ready.size === 0) this.#attempt(() => this.#directory.release());
  }

  /** Ignores a failure to keep this cache. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#isStopped = true;
      this.#options.log.emit({ kind: 'prefetch-failed', failure: toPlainError(error) });
    }
  }
}
