/** A worker thread of the agent: opens the repositories once, pushes and fetches what it is told to. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { AheadAnswer, AheadJob } from './ahead-fetcher.ts';
import { failureOf } from '../agent/client/protocol.ts';
import type { PushAnswer } from './sender.ts';
import type { FromWorker, ToWorker, WorkerTask } from './messages.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import type { Log, LogEvent } from '../base/log.ts';
import type { Config } from '../config/index.ts';
import { PushMemory } from '../operations/push/push-memory.ts';
import { push } from '../operations/push/push.ts';
import { garbageCollector } from './collect-garbage.ts';
import { openRepositories } from '../compose/open-repositories.ts';
import type { AheadReader } from './jobs/fetch-ahead.ts';
import { unpackSecrets } from './packed-config.ts';
import { pushSettings, timeoutLeft } from '../operations/push/settings.ts';
import { workerVerb } from './start-worker.ts';

/** How often it says that a file is on its way. */
const signEveryMs = 1000;

/** A segment that was fetched has given back what it held itself; what came from a store in pieces is left. */
const keptBytes = 24 * 1024 ** 2;

type PushTask = Extract<WorkerTask, { kind: 'push' }> & { readonly id: number };

/** @returns 0 when it was told to end */
export async function runPushWorker(): Promise<number> {
  const port = parentPort;
  if (isMainThread || port === null)
    throw new WalvaultError('usage', `${workerVerb} is not a command`, { hint: 'See walvault --help.' });
  const config = unpackSecrets(workerData) as Config;
  // What concerns the keys is said once by those who hold them; a push by itself would say it each time.
  const standing: LogEvent[] = [];
  const log: Log = { event: event => void standing.push(event) };
  const opened = await openRepositories(config, log);
  const tasks = new Map<number, AbortController>();
  const settings = {
    ...pushSettings(config),
    repositories: opened.repositories,
    memory: new PushMemory(),
  };

  async function answer({ id, path, attempt }: PushTask, signal: AbortSignal): Promise<PushAnswer> {
    const { isAsked, spentMs } = attempt;
    const events: LogEvent[] = [];
    let lastSignAt = performance.now();
    try {
      const { givenUpIn, outcomes } = await push({
        ...settings,
        ...(!isAsked && { queueLimitBytes: undefined }),
        timeoutMs: timeoutLeft(settings.timeoutMs, spentMs),
        path,
        onProgress() {
          if (performance.now() - lastSignAt < signEveryMs) return;
          lastSignAt = performance.now();
          post({ id, answer: undefined });
        },
        log: { event: event => void events.push(event) },
        signal,
      });
      const found = [...outcomes.values()];
      return {
        kind: 'done',
        isDurable: givenUpIn === undefined,
        isNew: givenUpIn === undefined && found.length > 0 && found.every(outcome => outcome === 'created'),
        events: [...standing, ...events],
      };
    } catch (error) {
      return { kind: 'failed', events: [...standing, ...events], failure: failureOf(error) };
    }
  }

  let reader: Promise<AheadReader> | undefined;
  const collectGarbage = garbageCollector(keptBytes);
  async function fetchAhead(job: AheadJob, signal: AbortSignal): Promise<AheadAnswer> {
    try {
      reader ??= import('./jobs/fetch-ahead.ts').then(({ openAheadReader }) => openAheadReader(config));
      return await (await reader).answer(job, signal);
    } catch (error) {
      return { kind: 'failed', events: [], failure: failureOf(error) };
    } finally {
      collectGarbage();
    }
  }

  async function work(task: WorkerTask & { readonly id: number }, signal: AbortSignal): Promise<void> {
    const { id } = task;
    const done = task.kind === 'push' ? answer({ ...task, id }, signal) : fetchAhead(task.job, signal);
    const message = { id, answer: await done };
    tasks.delete(id);
    post(message);
  }

  function post(message: FromWorker): void {
    port?.postMessage(message, []);
  }

  await new Promise<void>(resolve => {
    port.on('message', (message: ToWorker) => {
      if (message.kind === 'close') resolve();
      else if (message.kind === 'abort')
        tasks.get(message.id)?.abort(new WalvaultError('interrupted', 'the agent was stopped'));
      else {
        const controller = new AbortController();
        tasks.set(message.id, controller);
        void work(message, controller.signal);
      }
    });
  });
  await opened[Symbol.asyncDispose]();
  await (await reader?.catch(() => undefined))?.[Symbol.asyncDispose]();
  port.close();
  return 0;
}
