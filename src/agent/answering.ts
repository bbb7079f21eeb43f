/** The agent's answers: to pushes, to fetches, and to questions about the agent itself. */
import { walvaultVersion } from '../base/build-info.ts';
import { errorCodes } from '../base/errors/errors.ts';
import { toPlainError } from '../base/errors/plain-error.ts';
import { startDeadline } from '../base/time/deadline.ts';
import { orAborted } from '../base/time/wait.ts';
import type { Event, Log } from '../observe/events/events.ts';
import type { RunFailed } from '../observe/events/run.ts';
import type { AgentAddress } from './client/address.ts';
import { digestEnvironment } from './client/fingerprint.ts';
import type { AgentStatus, Reply, ReportLine, Request } from './client/protocol.ts';
import { isSameEnvironment } from './environment.ts';
import type { Prefetcher, SegmentQuestion } from './fetch-ahead/prefetcher.ts';
import { locate } from './push-ahead/own-files.ts';
import type { PushQueue } from './push-ahead/push-queue.ts';
import type { PushAnswer, SignsOfLife } from './push-ahead/sender.ts';
import { WatchedFiles } from './watched-files.ts';

export interface AnsweringOptions {
  readonly address: AgentAddress;
  /** The fingerprint that was read before the configuration. */
  readonly fingerprint: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Variables of the environment that the configuration takes secrets from. */
  readonly namedVariables: readonly string[];
  readonly watchedFiles: readonly string[];
  /** `Date.now()` before any of the watched files was read. */
  readonly readSince: number;
  readonly sender: SignsOfLife;
  /** Longest time for one attempt to push a file, or for the next piece of a large file. */
  readonly pushTimeoutMs: number;
  readonly prefetch: { readonly timeoutMs: number };
  /** `pg_wal` without symbolic links. */
  readonly walDirectory: string;
  /** Removes secrets from replies. */
  readonly redact: (text: string) => string;
  /** The line that tells the asking process of an event. */
  readonly tell: (event: Event) => ReportLine;
  /** The line for its failure. Undefined: the asking process says it. */
  readonly tellFailure: (event: RunFailed) => ReportLine | undefined;
  readonly log: Log;
}

/** The agent as its answers know it. */
export interface AnsweringAgent {
  readonly queue: PushQueue;
  readonly prefetcher: Prefetcher;
  isLeaving(): boolean;
  /** Takes no further question. The agent ends when those that it has are answered. */
  leave(reason: string): void;
  /** Gives the work in flight a moment, and then aborts it. */
  giveUpSoon(): void;
}

type Answer = Exclude<Reply, { kind: 'working' }>;

/** Longest list of waiting questions; PostgreSQL asks one at a time. */
const maxAsked = 8;
/** Time for the answer itself, beyond the time that a question waits for its segment. */
const spareMs = 1000;
/** A push ends within its own limit and this margin, unless the files of this host hang. */
const pushMarginMs = 5000;

export class Answering {
  readonly #options: AnsweringOptions;
  readonly #agent: AnsweringAgent;
  readonly #watched: WatchedFiles;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #startedAt = new Date();
  #lastAskedAt = performance.now();
  #asked = 0;

  constructor(options: AnsweringOptions, agent: AnsweringAgent) {
    this.#options = options;
    this.#agent = agent;
    this.#watched = new WatchedFiles(options.watchedFiles, options.readSince);
    this.#environment = digestEnvironment(options.environment);
  }

  /** True while a question waits for its answer. */
  get isAsked(): boolean {
    return this.#asked > 0;
  }

  isIdleFor(ms: number): boolean {
    return !this.isAsked && performance.now() - this.#lastAskedAt >= ms;
  }

  async answer(request: Request | undefined): Promise<Answer> {
    const agent = this.#agent;
    if (request === undefined) {
      agent.leave('asked by another version');
      return { kind: 'declined', reason: 'stale' };
    }
    if (request.verb === 'status') return { kind: 'status', status: this.#status() };
    if (request.verb === 'stop') {
      agent.leave('stopped');
      agent.giveUpSoon();
      return { kind: 'status', status: this.#status() };
    }
    if (agent.isLeaving()) return { kind: 'declined', reason: 'leaving' };
    if (this.#isStale(request.fingerprint, request.environment)) {
      agent.leave('the configuration, the environment or the executable has changed');
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
      if (agent.isLeaving() && !this.isAsked) agent.giveUpSoon();
    }
  }

  /** Longest time for the answer: a question waits for its segment on its way, but not for a fetch that hangs. */
  mayTakeMs(request: Request | undefined): number | undefined {
    return request?.verb === 'fetch' ? this.#options.prefetch.timeoutMs + spareMs : undefined;
  }

  #isStale(fingerprint: string, environment: Readonly<Record<string, string>>): boolean {
    if (fingerprint !== this.#options.fingerprint || this.#watched.hasChanged()) return true;
    return !isSameEnvironment(this.#environment, environment, this.#options.namedVariables);
  }

  async #push(path: string, givenPath: string): Promise<Answer> {
    const file = locate(this.#options.walDirectory, path);
    const answer = await this.#pushed(file);
    if (answer === undefined) return { kind: 'declined', reason: 'unfit' };
    const asGiven = (text: string) => text.replaceAll(file, givenPath);
    const given = ({ level, text }: ReportLine) => ({ level, text: asGiven(text) });
    const lines = answer.events.map(event => given(this.#options.tell(event)));
    if (answer.kind === 'done') return { kind: 'done', lines };
    const { failure } = answer;
    if (mayBeOurs.has(failure.code)) {
      this.#agent.leave(`a push failed: ${failure.message}`);
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

  /** Undefined for a push that hangs: the agent leaves. */
  async #pushed(file: string): Promise<PushAnswer | undefined> {
    const { sender, pushTimeoutMs } = this.#options;
    const silence = startDeadline(pushTimeoutMs + pushMarginMs, `push ${file}`);
    const onSign = () => silence.restart();
    sender.signs.on(file, onSign);
    try {
      return await orAborted(this.#agent.queue.ask(file), silence.signal);
    } catch (error) {
      if (!silence.signal.aborted) throw error;
      this.#agent.leave(`a push hangs: ${file}`);
      return undefined;
    } finally {
      sender.signs.off(file, onSign);
      silence.clear();
    }
  }

  async #fetch(question: SegmentQuestion): Promise<Answer> {
    try {
      const found = await this.#agent.prefetcher.ask(question);
      if (found === undefined) return { kind: 'declined', reason: 'not-ready' };
      return { kind: 'ready', lines: found.events.map(event => this.#options.tell(event)), file: found.file };
    } catch (error) {
      // The fetch itself will meet the same problem, and has an exit status for it.
      this.#options.log.emit({ kind: 'prefetch-failed', failure: toPlainError(error) });
      return { kind: 'declined', reason: 'unfit' };
    }
  }

  #status(): AgentStatus {
    const { address, fingerprint } = this.#options;
    return {
      pid: process.pid,
      version: walvaultVersion(),
      dataDirectory: address.dataDirectory,
      configPath: address.configPath,
      fingerprint,
      startedAt: this.#startedAt.toISOString(),
      ...this.#agent.queue.figures,
      prefetch: this.#agent.prefetcher.figures,
      residentBytes: process.memoryUsage.rss(),
    };
  }
}

/** Codes of failures that a fresh process may not have: it reads its credentials again and has no state of ours. */
export const mayBeOurs: ReadonlySet<string> = new Set(['internal', 'config', 'key', 'denied', 'interrupted']);
