/**
 * Sends the files that PostgreSQL asks for and those that it will ask for next. A file is sent once at a time, and a
 * question for a file on its way waits for that. Memory answers only for a file that was durable in every required
 * repository and is unchanged.
 */
import { basename, join } from 'node:path';
import { endsWithin } from '../../base/time/wait.ts';
import { localIoError, systemCode } from '../../base/errors/errors.ts';
import { firstAnswerMs } from '../../operations/push/patience.ts';
import type { QueueState } from '../../operations/push/queue-limit.ts';
import type { ArchiveStatus } from '../../postgres/cluster/archive-status.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { DurableSet } from './durable-set.ts';
import { fileKey, KeyedFile } from './file-key.ts';
import { backlogBytes, chooseNext, leadingDurable } from './look-ahead.ts';
import { ownName } from './own-files.ts';
import { AheadPace, type SendReason } from './pace.ts';
import type { Attempt } from '../../workers/jobs/push-file.ts';
import type { PushAnswer, Sender } from './sender.ts';
import type { Log } from '../../observe/events/events.ts';

export interface PushQueueOptions {
  readonly sender: Sender;
  readonly dataDirectory: string;
  readonly status: ArchiveStatus;
  readonly segmentSizeBytes: number;
  readonly jobs: number;
  /** Most of these jobs that run once enough files are ahead of the archiver. */
  readonly jobsAtEase: number;
  readonly isBatch: boolean;
  /** Of `archive.queue-limit`. */
  readonly queueLimitBytes: number | undefined;
  /** Its abort gives up everything in flight. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

interface Running {
  readonly answer: Promise<PushAnswer>;
  /** True: PostgreSQL had asked for the file before it was sent. */
  readonly isAsked: boolean;
}

/**
 * With `archive.batch`, an answer waits this long for more files to become durable, and marks them together with its
 * own.
 */
const gatherMs = 1000;

export class PushQueue {
  readonly #options: PushQueueOptions;
  readonly #durable = new DurableSet();
  readonly #running = new Map<string, Running>();
  readonly #pace = new AheadPace();
  /** Aborts the files that are sent ahead; a new controller follows each abort. */
  #ahead = new AbortController();
  /** The queue at the last look, if it was over its limit. */
  #overLimit: QueueState | undefined;
  #looking: Promise<void> | undefined;
  #isLookWanted = false;
  #pushed = 0;
  #failures = 0;
  /** Once true, only files that PostgreSQL asks for are started. */
  #isDraining = false;

  constructor(options: PushQueueOptions) {
    this.#options = options;
  }

  get figures(): { running: string[]; ahead: number; pushed: number; failed: number } {
    return {
      running: [...this.#running.keys()].map(path => basename(path)),
      ahead: this.#durable.paths().length,
      pushed: this.#pushed,
      failed: this.#failures,
    };
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** Pushes a file, or waits for its push. Never rejects. */
  async ask(path: string): Promise<PushAnswer> {
    const known = await this.#known(path);
    if (known !== undefined) void this.#lookAhead();
    const answer = known ?? (await this.#askToPush(path));
    const { isBatch, status } = this.#options;
    const isArchived = answer.kind === 'done' && answer.isDurable;
    if (isArchived && isBatch && ownName(status.walDirectory, path) !== undefined) {
      await this.#lookAhead();
      await this.#markAhead(path);
    }
    if (answer.kind === 'done') void this.#lookAhead();
    return answer;
  }

  /** Starts nothing more; resolves when nothing is in flight. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    while (this.#running.size > 0)
      await Promise.allSettled([...this.#running.values()].map(({ answer }) => answer));
  }

  async #known(path: string): Promise<PushAnswer | undefined> {
    try {
      const found = this.#durable.find(path, await fileKey(path, this.#options.dataDirectory));
      return found === undefined
        ? undefined
        : { kind: 'done', isDurable: true, isNew: false, events: found.events };
    } catch (error) {
      // The push itself will say what is wrong with the file.
      if (systemCode(error) === undefined) throw error;
      return undefined;
    }
  }

  async #askToPush(path: string): Promise<PushAnswer> {
    const askedAt = performance.now();
    const running = this.#running.get(path);
    if (running !== undefined) {
      if (!running.isAsked) await this.#beImpatient(running);
      void this.#lookAhead();
      const answer = await running.answer;
      // The file was sent ahead: its time limit was not that of this question, and the file may have been replaced
      // meanwhile.
      const isAnswer = answer.kind === 'failed' ? running.isAsked : (await this.#known(path)) !== undefined;
      if (isAnswer) return answer;
    }
    const spentMs = performance.now() - askedAt;
    const sending = this.#running.get(path)?.answer ?? this.#start(path, 'asked', spentMs);
    void this.#lookAhead();
    return sending;
  }

  /**
   * Over the limit, a question waits for a file sent ahead only as long as a push of its own would wait for the store's
   * first sign of life. Then all files sent ahead are aborted: they must not take bandwidth from a segment that may be
   * given up.
   */
  async #beImpatient(running: Running): Promise<void> {
    if (this.#options.queueLimitBytes === undefined) return;
    await this.#lookAhead();
    if (this.#overLimit === undefined) return;
    if (await endsWithin(firstAnswerMs(this.#overLimit, 'asked'), running.answer)) return;
    this.#ahead.abort();
    this.#ahead = new AbortController();
  }

  #start(path: string, why: SendReason, spentMs = 0): Promise<PushAnswer> {
    const isAsked = why === 'asked';
    const answer = this.#push(path, { isAsked, spentMs }).then(result => {
      this.#running.delete(path);
      if (result.kind === 'done') this.#pushed++;
      else this.#failures++;
      const name = ownName(this.#options.status.walDirectory, path);
      if (name !== undefined) this.#pace.note(name, result, why);
      void this.#lookAhead();
      return result;
    });
    this.#running.set(path, { answer, isAsked });
    return answer;
  }

  async #push(path: string, attempt: Attempt): Promise<PushAnswer> {
    const { dataDirectory, sender } = this.#options;
    const stopped = this.#options.signal;
    const signal = attempt.isAsked ? stopped : AbortSignal.any([stopped, this.#ahead.signal]);
    const file = await openIfThere(path, dataDirectory);
    try {
      const before = await file?.key();
      const answer = await sender.send(path, attempt, signal);
      if (answer.kind === 'failed' || !answer.isDurable) return answer;
      // The same open file and the same path, both unchanged since before the push: so this file is the one that was
      // pushed.
      const isUnchanged =
        before !== undefined &&
        before === (await file?.key()) &&
        before === (await fileKey(path, dataDirectory));
      if (isUnchanged) this.#durable.add(path, { key: before, events: answer.events });
      return answer;
    } catch (error) {
      // Something about the file could not be read, and without that its key is unknown.
      return { kind: 'failed', events: [], failure: toPlainError(localIoError('read', path, error)) };
    } finally {
      await file?.close();
    }
  }

  /**
   * Runs one look at a time. A call during a look asks for another one, because the list of files in that look is
   * older.
   */
  #lookAhead(): Promise<void> {
    this.#isLookWanted = true;
    return (this.#looking ??= this.#lookWhileWanted());
  }

  async #lookWhileWanted(): Promise<void> {
    while (this.#isLookWanted) {
      this.#isLookWanted = false;
      await this.#look();
    }
    this.#looking = undefined;
  }

  async #look(): Promise<void> {
    if (this.#isDraining || this.#options.signal.aborted) return;
    try {
      const { status, jobs, jobsAtEase, segmentSizeBytes } = this.#options;
      const { ready } = await status.read();
      this.#overLimit = this.#measure(ready);
      if (this.#overLimit !== undefined || this.#pace.hasGivenUp) return;
      const limits = this.#pace.limits();
      const next = chooseNext({
        ready,
        running: this.#ownNames(this.#running.keys()),
        durable: this.#ownNames(this.#durable.paths()),
        ...limits,
        segmentSizeBytes,
        jobs,
        jobsAtEase,
      });
      if (this.#isDraining) return;
      for (const name of next) {
        const path = join(status.walDirectory, name);
        if (!this.#running.has(path)) void this.#start(path, limits.isOneByOne ? 'next' : 'ahead');
      }
    } catch (error) {
      this.#options.log.emit({ kind: 'look-ahead-failed', failure: toPlainError(error) });
    }
  }

  #measure(ready: readonly string[]): QueueState | undefined {
    const { queueLimitBytes: limitBytes, segmentSizeBytes } = this.#options;
    if (limitBytes === undefined) return undefined;
    const queue = { limitBytes, backlogBytes: backlogBytes(ready, segmentSizeBytes) };
    return queue.backlogBytes > limitBytes ? queue : undefined;
  }

  /** A file with the same name in another directory is a different file, perhaps another server's, and is left out. */
  #ownNames(paths: Iterable<string>): Set<string> {
    const { walDirectory } = this.#options.status;
    return new Set([...paths].map(path => ownName(walDirectory, path)).filter(name => name !== undefined));
  }

  /**
   * Marks files while the archiver waits for an answer: it has then chosen no other file, so none is marked between its
   * choice and its question.
   */
  async #markAhead(asked: string): Promise<void> {
    const { status, dataDirectory, log } = this.#options;
    try {
      await this.#gather();
      const durable: string[] = [];
      for (const path of this.#durable.paths())
        if (await this.#isStillDurable(path, dataDirectory)) durable.push(path);
      const { ready } = await status.read();
      const leading = leadingDurable(ready, this.#ownNames(durable), basename(asked));
      for (const name of await status.markDone(leading))
        this.#durable.forget(join(status.walDirectory, name));
    } catch (error) {
      log.emit({ kind: 'marking-failed', failure: toPlainError(error) });
    }
  }

  async #gather(): Promise<void> {
    const endsAt = performance.now() + gatherMs;
    while (this.#running.size > 0 && performance.now() < endsAt) {
      const next = Promise.race([...this.#running.values()].map(({ answer }) => answer));
      await endsWithin(Math.max(0, endsAt - performance.now()), next);
      await this.#lookAhead();
    }
  }

  async #isStillDurable(path: string, dataDirectory: string): Promise<boolean> {
    const key = await fileKey(path, dataDirectory).catch(() => undefined);
    return key !== undefined && this.#durable.find(path, key) !== undefined;
  }
}

/** Undefined where the file cannot be opened: the push itself says why. */
async function openIfThere(path: string, dataDirectory: string): Promise<KeyedFile | undefined> {
  try {
    return await KeyedFile.open(path, dataDirectory);
  } catch {
    return undefined;
  }
}
