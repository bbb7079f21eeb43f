/**
 * The resident agent of one cluster, which pushes and fetches ahead of PostgreSQL's questions. It starts its process,
 * loads the store's library and shakes hands over TLS once, not once a file. It answers only from durable facts. It may
 * be killed at any moment: the push or fetch that asked then does the work itself.
 */
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { walvaultVersion } from '../base/build-info.ts';
import { startDeadline } from '../base/time/deadline.ts';
import { orAborted } from '../base/time/wait.ts';
import { errorCodes } from '../base/errors/errors.ts';
import { ArchiveStatus } from '../postgres/cluster/archive-status.ts';
import { inspectDirectory, type AgentAddress } from './client/address.ts';
import { exchange } from './client/exchange.ts';
import { digestEnvironment } from './client/fingerprint.ts';
import { isServerAbove } from './client/orphanage.ts';
import type { Reply, ReportLine, Request } from './client/protocol.ts';
import { attemptPath, problemPath, saidPath } from './client/start.ts';
import { isSameEnvironment } from './environment.ts';
import { locate } from './push-ahead/own-files.ts';
import { ServerRun } from './purpose.ts';
import { PushQueue } from './push-ahead/push-queue.ts';
import type { AheadFetcher } from './fetch-ahead/fetcher.ts';
import { Prefetcher, type PrefetcherOptions, type SegmentQuestion } from './fetch-ahead/prefetcher.ts';
import type { PushAnswer, Sender, SignsOfLife } from './push-ahead/sender.ts';
import { listen, type ListeningServer } from './server.ts';
import { WatchedFiles } from './watched-files.ts';
import type { RunFailed } from '../observe/events/run.ts';
import type { Event, Log } from '../observe/events/events.ts';
import { toPlainError } from '../base/errors/plain-error.ts';

export interface AgentOptions {
  readonly address: AgentAddress;
  /** The fingerprint that was read before the configuration. */
  readonly fingerprint: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Variables of the environment that the configuration takes secrets from. */
  readonly namedVariables: readonly string[];
  readonly sender: Sender & SignsOfLife;
  /** Longest time for one attempt to push a file, or for the next piece of a large file. */
  readonly pushTimeoutMs: number;
  readonly fetcher: AheadFetcher;
  readonly prefetch: Pick<PrefetcherOptions, 'depthBytes' | 'jobs' | 'timeoutMs' | 'standbyTimeoutMs'>;
  /** `pg_wal` without symbolic links. */
  readonly walDirectory: string;
  readonly segmentSizeBytes: number;
  readonly jobs: number;
  readonly isBatch: boolean;
  readonly queueLimitBytes: number | undefined;
  readonly watchedFiles: readonly string[];
  /** `Date.now()` before any of the watched files was read. */
  readonly readSince: number;
  /** The agent leaves after this long without a question; undefined: it stays until it is told to stop. */
  readonly idleTimeoutMs: number | undefined;
  /**
   * The push that started the agent. When that push ends, the agent is an orphan; it leaves with the server that runs
   * now.
   */
  readonly spawnedBy: number | undefined;
  /** Removes secrets from replies. */
  readonly redact: (text: string) => string;
  /** The line that tells the asking process of an event. */
  readonly tell: (event: Event) => ReportLine;
  /** The line for its failure. Undefined: whoever asked says it. */
  readonly tellFailure: (event: RunFailed) => ReportLine | undefined;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** The agent checks this often whether it is still wanted. Nothing else wakes it while nobody asks. */
const lookEveryMs = 2000;
/** The agent looks this often for its new parent, until its first parent has ended. */
const orphanLookEveryMs = 50;
/** Longest list of waiting questions; PostgreSQL asks one at a time. */
const maxAsked = 8;
/** Work in flight has this long after `stop`, or once no question waits. */
const stopWithinMs = 1000;
/** Work that has not ended this long after its abort hangs, and the agent exits without it. */
const endWithinMs = 1500;
/** Time for the answer itself, beyond the time that a question waits for its segment. */
const spareMs = 1000;
/** A push ends within its own limit and this margin, unless the files of this host hang. */
const pushMarginMs = 5000;

/** Runs the agent until it leaves. @returns the reason @throws WalvaultError, system errors when it cannot begin */
export async function serveAsAgent(options: AgentOptions): Promise<string> {
  return await new Agent(options).run();
}

class Agent {
  readonly #options: AgentOptions;
  readonly #watched: WatchedFiles;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #server: ServerRun;
  readonly #queue: PushQueue;
  readonly #prefetcher: Prefetcher;
  readonly #startedAt = new Date();
  readonly #stop = new AbortController();
  readonly #left = Promise.withResolvers<string>();
  #listening: ListeningServer | undefined;
  #lastAskedAt = performance.now();
  #asked = 0;
  #reason: string | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { address, signal } = options;
    this.#watched = new WatchedFiles(options.watchedFiles, options.readSince);
    this.#environment = digestEnvironment(options.environment);
    this.#server = new ServerRun(address.dataDirectory);
    this.#queue = new PushQueue({
      ...options,
      dataDirectory: address.dataDirectory,
      status: new ArchiveStatus(options.walDirectory),
      // With batches PostgreSQL does not ask for most files.
      jobsAtEase: options.isBatch ? options.jobs : Math.max(1, availableParallelism() - 1),
      signal: AbortSignal.any([signal, this.#stop.signal]),
    });
    this.#prefetcher = new Prefetcher({
      ...options,
      ...options.prefetch,
      dataDirectory: address.dataDirectory,
      onFailure: failure => {
        if (mayBeOurs.has(failure.code)) this.#leave(`a prefetch failed: ${failure.message}`);
      },
    });
  }

  async run(): Promise<string> {
    const { address, signal, spawnedBy, fingerprint, log } = this.#options;
    if (await isServed(address, fingerprint, signal)) {
      rmSync(attemptPath(address), { force: true });
      return 'another agent is there';
    }
    this.#listening = await listen(address, {
      answer: request => this.#answer(request),
      mayTakeMs: request => this.#mayTakeMs(request),
    });
    const { dataDirectory, socketPath } = address;
    log.emit({ kind: 'agent-listening', dataDirectory, socketPath });
    for (const pathOf of [attemptPath, problemPath, saidPath]) rmSync(pathOf(address), { force: true });
    this.#prefetcher.removeLeftovers();
    const look = setInterval(() => this.#look(), lookEveryMs);
    const orphanLook = setInterval(() => this.#lookAtParent(spawnedBy, orphanLook), orphanLookEveryMs);
    const onAbort = () => this.#leave('interrupted');
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const reason = await this.#left.promise;
      await Promise.race([Promise.all([this.#queue.drain(), this.#prefetcher.close()]), this.#timeUp()]);
      return reason;
    } finally {
      clearInterval(look);
      clearInterval(orphanLook);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #answer(request: Request | undefined): Promise<Exclude<Reply, { kind: 'working' }>> {
    if (request === undefined) {
      this.#leave('asked by another version');
      return { kind: 'declined', reason: 'stale' };
    }
    if (request.verb === 'status') return { kind: 'status', status: this.#status() };
    if (request.verb === 'stop') {
      this.#leave('stopped');
      this.#giveUpSoon();
      return { kind: 'status', status: this.#status() };
    }
    if (this.#reason !== undefined) return { kind: 'declined', reason: 'leaving' };
    if (this.#isStale(request.fingerprint, request.environment)) {
      this.#leave('the configuration, the environment or the executable has changed');
      return { kind: 'declined', reason: 'stale' };
    }
    if (this.#asked >= maxAsked) return { kind: 'declined', reason: 'busy' };
    this.#asked++;
    try {
      return request.verb === 'push'
        ? await this.#push(request.path, request.givenPath)
        : await this.#fetch(request);
    } finally {
      this.#asked--;
      this.#lastAskedAt = performance.now();
      if (this.#reason !== undefined && this.#asked === 0) this.#giveUpSoon();
    }
  }

  /** Longest time for the answer: a question waits for its segment on its way, but not for a fetch that hangs. */
  #mayTakeMs(request: Request | undefined): number | undefined {
    if (request?.verb !== 'fetch') return undefined;
    return this.#options.prefetch.timeoutMs + spareMs;
  }

  #isStale(fingerprint: string, environment: Readonly<Record<string, string>>): boolean {
    if (fingerprint !== this.#options.fingerprint || this.#watched.hasChanged()) return true;
    return !isSameEnvironment(this.#environment, environment, this.#options.namedVariables);
  }

  async #push(path: string, givenPath: string): Promise<Exclude<Reply, { kind: 'working' }>> {
    const { sender, pushTimeoutMs, walDirectory } = this.#options;
    const file = locate(walDirectory, path);
    const silence = startDeadline(pushTimeoutMs + pushMarginMs, `push ${file}`);
    const onSign = () => silence.restart();
    sender.signs.on(file, onSign);
    let answer: PushAnswer;
    try {
      answer = await orAborted(this.#queue.ask(file), silence.signal);
    } catch (error) {
      if (!silence.signal.aborted) throw error;
      this.#leave(`a push hangs: ${file}`);
      return { kind: 'declined', reason: 'unfit' };
    } finally {
      sender.signs.off(file, onSign);
      silence.clear();
    }
    const asGiven = (text: string) => text.replaceAll(file, givenPath);
    const given = ({ level, text }: ReportLine) => ({ level, text: asGiven(text) });
    const lines = answer.events.map(event => given(this.#options.tell(event)));
    if (answer.kind === 'done') return { kind: 'done', lines };
    const { failure } = answer;
    if (mayBeOurs.has(failure.code)) {
      this.#leave(`a push failed: ${failure.message}`);
      return { kind: 'declined', reason: 'unfit' };
    }
    const exitStatus = errorCodes[failure.code];
    const told = this.#options.tellFailure({ kind: 'run-failed', exitStatus, failure });
    return {
      kind: 'failed',
      lines: told === undefined ? lines : [...lines, given(told)],
      isTold: told !== undefined,
      failure: { ...failure, message: asGiven(this.#options.redact(failure.message)) },
    };
  }

  async #fetch(question: SegmentQuestion): Promise<Exclude<Reply, { kind: 'working' }>> {
    try {
      const found = await this.#prefetcher.ask(question);
      if (found === undefined) return { kind: 'declined', reason: 'not-ready' };
      return { kind: 'ready', lines: found.events.map(event => this.#options.tell(event)), file: found.file };
    } catch (error) {
      // The fetch itself will meet the same problem, and has an exit status for it.
      this.#options.log.emit({ kind: 'prefetch-failed', failure: toPlainError(error) });
      return { kind: 'declined', reason: 'unfit' };
    }
  }

  #look(): void {
    void this.#prefetcher.lookAround();
    const { idleTimeoutMs, spawnedBy } = this.#options;
    if (spawnedBy !== undefined && this.#server.isOver()) {
      this.#leave('the server has stopped');
      this.#giveUpSoon();
    } else if (this.#listening?.isStillReachable() === false) this.#leave('another agent has taken over');
    else if (idleTimeoutMs !== undefined && this.#isIdleFor(idleTimeoutMs)) this.#leave('idle');
  }

  #lookAtParent(spawnedBy: number | undefined, timer: NodeJS.Timeout): void {
    if (process.ppid === spawnedBy) return;
    clearInterval(timer);
    if (isServerAbove()) this.#leave('it would be a child of the server');
  }

  #isIdleFor(ms: number): boolean {
    return (
      this.#asked === 0 &&
      this.#queue.isIdle &&
      this.#prefetcher.isIdle &&
      performance.now() - this.#lastAskedAt >= ms
    );
  }

  #leave(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#listening?.leave();
    this.#left.resolve(reason);
    if (this.#asked === 0) this.#giveUpSoon();
  }

  /** Nobody needs what was sent ahead any more, and a store that hangs must not keep the agent alive. */
  #giveUpSoon(): void {
    setTimeout(() => this.#stop.abort(new Error('stopped')), stopWithinMs).unref();
  }

  async #timeUp(): Promise<void> {
    const { signal } = this.#stop;
    await new Promise<void>(resolve => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await delay(endWithinMs);
  }

  #status() {
    const { address } = this.#options;
    return {
      pid: process.pid,
      version: walvaultVersion(),
      dataDirectory: address.dataDirectory,
      configPath: address.configPath,
      fingerprint: this.#options.fingerprint,
      startedAt: this.#startedAt.toISOString(),
      ...this.#queue.figures,
      prefetch: this.#prefetcher.figures,
      residentBytes: process.memoryUsage.rss(),
    };
  }
}

/** Codes of failures that a fresh process may not have: it reads its credentials again and has no state of ours. */
const mayBeOurs: ReadonlySet<string> = new Set(['internal', 'config', 'key', 'denied', 'interrupted']);

/**
 * Whether a living agent would answer the same questions. An agent that is silent, or has another configuration, is
 * replaced.
 */
async function isServed(address: AgentAddress, fingerprint: string, signal: AbortSignal): Promise<boolean> {
  if (inspectDirectory(address.directory) !== 'ours') return false;
  const answer = await exchange(address.socketPath, { verb: 'status' }, { silenceMs: 1000, signal });
  return answer.kind === 'status' && answer.status.fingerprint === fingerprint;
}
