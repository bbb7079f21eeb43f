/**
 * Sends what is asked for and what will be asked for next. A file is sent once at a time; whoever asks for one that is
 * on its way waits for that. Nothing is answered from memory but what was durable in every required repository and is
 * still the same file.
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
import { Pace, type Reason } from './pace.ts';
import type { Attempt } from '../../workers/jobs/push-file.ts';
import type { PushAnswer, Sender } from './sender.ts';
import type { Log } from '../../observe/events/events.ts';

export interface PushQueueOptions {
  readonly sender: Sender;
  readonly dataDirectory: string;
  readonly status: ArchiveStatus;
  readonly segmentSizeBytes: number;
  readonly jobs: number;
  /** Of these, as many at most once enough files are ahead of the archiver. */
  readonly jobsAtEase: number;
  readonly isBatch: boolean;
  /** Of `archive.queue-limit`. */
  readonly queueLimitBytes: number | undefined;
  /** Aborted: everything in flight is given up. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

interface Running {
  readonly answer: Promise<PushAnswer>;
  /** Sent because somebody had asked for it. */
  readonly isAsked: boolean;
}

/** With `archive.batch`, how long an answer waits for more files to become durable, to be marked together with it. */
const gatherMs = 1000;

export class PushQueue {
  readonly #options: PushQueueOptions;
  readonly #durable = new DurableSet();
  readonly #running = new Map<string, Running>();
  readonly #pace = new Pace();
  /** Aborts what runs ahead; another one follows it. */
  #ahead = new AbortController();
  /** At the last look, if it was over its limit. */
  #overLimit: QueueState | undefined;
  #looking: Promise<void> | undefined;
  #isLookWanted = false;
  #pushed = 0;
  #failures = 0;
  /** Becomes true for good: nothing is started any more that nobody has asked for. */
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

  /** Never rejects. */
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
      // Sent ahead: its time was not that of whoever asks, and the file may have been replaced meanwhile.
      const isAnswer = answer.kind === 'failed' ? running.isAsked : (await this.#known(path)) !== undefined;
      if (isAnswer) return answer;
    }
    const spentMs = performance.now() - askedAt;
    const sending = this.#running.get(path)?.answer ?? this.#start(path, 'asked', spentMs);
    void this.#lookAhead();
    return sending;
  }

  /**
   * Over the limit whoever asks waits no longer for what runs ahead than a push of its own would for a sign of life from
   * the store. Then all that runs ahead ends: it must not take the line from what will be given up without it.
   */
  async #beImpatient(running: Running): Promise<void> {
    if (this.#options.queueLimitBytes === undefined) return;
    await this.#lookAhead();
    if (this.#overLimit === undefined) return;
    if (await endsWithin(firstAnswerMs(this.#overLimit, 'asked'), running.answer)) return;
    this.#ahead.abort();
    this.#ahead = new AbortController();
  }

  #start(path: string, why: Reason, spentMs = 0): Promise<PushAnswer> {
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
      // The same open file and the same path, unchanged by all that happened in between: so it is what was read.
      const isUnchanged =
        before !== undefined &&
        before === (await file?.key()) &&
        before === (await fileKey(path, dataDirectory));
      if (isUnchanged) this.#durable.add(path, { key: before, events: answer.events });
      return answer;
    } catch (error) {
      // Something about the file that could not be found out; without that its key is not known.
      return { kind: 'failed', events: [], failure: toPlainError(localIoError('read', path, error)) };
    } finally {
      await file?.close();
    }
  }

  /** One look at a time, and another one after it if somebody wanted it meanwhile: its list of files was older. */
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

  /** A file by the same name elsewhere is another file, perhaps another server's: it stands for none of these. */
  #ownNames(paths: Iterable<string>): Set<string> {
    const { walDirectory } = this.#options.status;
    return new Set([...paths].map(path => ownName(walDirectory, path)).filter(name => name !== undefined));
  }

  /**
   * Only while the archiver waits for an answer: it has then chosen no other file, so that none is marked between its
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
      await endsWithin(endsAt - performance.now(), next);
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
