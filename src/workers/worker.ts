/** A worker thread, which opens the repositories once and does the jobs that it gets. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openRepositories, type OpenRepositories } from '../compose/open-repositories.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import { callDirectly } from '../base/files/calls.ts';
import { toPlainError } from '../base/errors/plain-error.ts';
import type { Event } from '../observe/events/events.ts';
import type { Config } from '../config/index.ts';
import type { Job, OpenJob, Workshop } from './job.ts';
import { jobTable } from './job-table.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { unpackSecrets } from './packed-config.ts';
import { workerVerb, type WorkerStart } from './start-worker.ts';

/** Time between two signs of progress of a job. */
const signEveryMs = 1000;

interface Run {
  readonly controller: AbortController;
  readonly say: (event: Event, isOfThread: boolean) => void;
}

/** A job with any input: the pool's types know which, but messages carry no types. */
type AnyJob = Job<never, unknown>;

/** @returns 0 when the pool told the thread to end */
export async function runWorker(): Promise<number> {
  const port = parentPort;
  if (isMainThread || port === null)
    throw new WalvaultError('usage', `${workerVerb} is not a command`, { hint: 'See walvault --help.' });
  const post = (message: FromWorker) => port.postMessage(message, []);
  const runs = new Map<number, Run>();
  /**
   * Events about keys, which the code that holds the keys emits only once. Each job repeats them, as if it were alone.
   */
  const standing: Event[] = [];
  const standingLog = {
    emit(event: Event) {
      standing.push(event);
      for (const { say } of runs.values()) say(event, true);
    },
  };
  const start = workerData as WorkerStart;
  const config = unpackSecrets(start.config, {
    env: process.env,
    onSecret: secret => post({ kind: 'secret', text: secret.reveal() }),
  }) as Config;
  callDirectly(start.isDirect);
  let opened: Promise<OpenRepositories> | undefined;
  const workshop: Workshop = {
    config,
    isDirect: start.isDirect,
    repositories: async () => (await (opened ??= openRepositories(config, standingLog))).repositories,
  };
  const takeTraffic = async () => (await opened?.catch(() => undefined))?.takeTraffic() ?? [];
  const jobs = new Map<string, Promise<AnyJob>>();
  const jobOf = (name: string): Promise<AnyJob> => {
    const job = jobs.get(name) ?? openJob(name, workshop);
    jobs.set(name, job);
    return job;
  };

  async function work(id: number, name: string, input: unknown): Promise<void> {
    const controller = new AbortController();
    const say = (event: Event, isOfThread: boolean) => post({ id, kind: 'event', event, isOfThread });
    let lastSignAt = performance.now();
    runs.set(id, { controller, say });
    for (const event of standing) say(event, true);
    try {
      const job = await jobOf(name);
      const output = await job(input as never, {
        signal: controller.signal,
        log: { emit: event => say(event, false) },
        onProgress(doneBytes) {
          if (performance.now() - lastSignAt < signEveryMs) return;
          lastSignAt = performance.now();
          post({ id, kind: 'sign', doneBytes });
        },
      });
      post({ id, kind: 'done', output, traffic: await takeTraffic() });
    } catch (error) {
      post({ id, kind: 'failed', error: toPlainError(error), traffic: await takeTraffic() });
    } finally {
      runs.delete(id);
    }
  }

  await new Promise<void>(resolve => {
    port.on('message', (message: ToWorker) => {
      if (message.kind === 'close') resolve();
      // A failure is told to the job itself.
      else if (message.kind === 'prepare') void jobOf(message.job).catch(() => undefined);
      else if (message.kind === 'run') void work(message.id, message.job, message.input);
      else runs.get(message.id)?.controller.abort(new WalvaultError('interrupted', 'the job was given up'));
    });
  });
  await (await opened?.catch(() => undefined))?.[Symbol.asyncDispose]();
  port.close();
  return 0;
}

async function openJob(name: string, workshop: Workshop): Promise<AnyJob> {
  const table: Readonly<Record<string, () => Promise<OpenJob<never, unknown>>>> = jobTable;
  const load = table[name];
  if (load === undefined) throw new WalvaultError('internal', `no job is named "${name}"`);
  return await (
    await load()
  )(workshop);
}
