/**
 * The resident agent of one cluster, which pushes and fetches ahead of PostgreSQL's questions. It starts its process,
 * loads the store's library and shakes hands over TLS once, not once a file. It answers only from durable facts. It may
 * be killed at any moment: the push or fetch that asked then does the work itself.
 */
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { ArchiveStatus } from '../postgres/cluster/archive-status.ts';
import { Answering, mayBeOurs, type AnsweringOptions } from './answering.ts';
import { inspectDirectory, type AgentAddress } from './client/address.ts';
import { exchange } from './client/exchange.ts';
import { isServerAbove } from './client/orphanage.ts';
import { attemptPath, problemPath, saidPath } from './client/start.ts';
import type { AheadFetcher } from './fetch-ahead/fetcher.ts';
import { Prefetcher, type PrefetcherOptions } from './fetch-ahead/prefetcher.ts';
import { ServerRun } from './purpose.ts';
import { PushQueue } from './push-ahead/push-queue.ts';
import type { Sender, SignsOfLife } from './push-ahead/sender.ts';
import { listen, type ListeningServer } from './server.ts';

export interface AgentOptions extends AnsweringOptions {
  readonly sender: Sender & SignsOfLife;
  readonly fetcher: AheadFetcher;
  readonly prefetch: Pick<PrefetcherOptions, 'depthBytes' | 'jobs' | 'timeoutMs' | 'standbyTimeoutMs'>;
  readonly segmentSizeBytes: number;
  readonly jobs: number;
  readonly isBatch: boolean;
  readonly queueLimitBytes: number | undefined;
  /** The agent leaves after this long without a question; undefined: it stays until it is told to stop. */
  readonly idleTimeoutMs: number | undefined;
  /**
   * The push that started the agent. When that push ends, the agent is an orphan; it leaves with the server that runs
   * now.
   */
  readonly spawnedBy: number | undefined;
  readonly signal: AbortSignal;
}

/** The agent checks this often whether it is still wanted. Nothing else wakes it while nobody asks. */
const lookEveryMs = 2000;
/** The agent looks this often for its new parent, until its first parent has ended. */
const orphanLookEveryMs = 50;
/** Work in flight has this long after `stop`, or once no question waits. */
const stopWithinMs = 1000;
/** Work that has not ended this long after its abort hangs, and the agent exits without it. */
const endWithinMs = 1500;

/** Runs the agent until it leaves. @returns the reason @throws WalvaultError, system errors when it cannot begin */
export async function serveAsAgent(options: AgentOptions): Promise<string> {
  return await new Agent(options).run();
}

class Agent {
  readonly #options: AgentOptions;
  readonly #server: ServerRun;
  readonly #queue: PushQueue;
  readonly #prefetcher: Prefetcher;
  readonly #answering: Answering;
  readonly #stop = new AbortController();
  readonly #left = Promise.withResolvers<string>();
  #listening: ListeningServer | undefined;
  #reason: string | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { address, signal } = options;
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
    this.#answering = new Answering(options, {
      queue: this.#queue,
      prefetcher: this.#prefetcher,
      isLeaving: () => this.#reason !== undefined,
      leave: reason => this.#leave(reason),
      giveUpSoon: () => this.#giveUpSoon(),
    });
  }

  async run(): Promise<string> {
    const { address, signal, spawnedBy, fingerprint, log } = this.#options;
    if (await isServed(address, fingerprint, signal)) {
      rmSync(attemptPath(address), { force: true });
      return 'another agent is there';
    }
    this.#listening = await listen(address, this.#answering);
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
    return this.#queue.isIdle && this.#prefetcher.isIdle && this.#answering.isIdleFor(ms);
  }

  #leave(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#listening?.leave();
    this.#left.resolve(reason);
    if (!this.#answering.isAsked) this.#giveUpSoon();
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
}

/**
 * Whether a living agent would answer the same questions. An agent that is silent, or has another configuration, is
 * replaced.
 */
async function isServed(address: AgentAddress, fingerprint: string, signal: AbortSignal): Promise<boolean> {
  if (inspectDirectory(address.directory) !== 'ours') return false;
  const answer = await exchange(address.socketPath, { verb: 'status' }, { silenceMs: 1000, signal });
  return answer.kind === 'status' && answer.status.fingerprint === fingerprint;
}
