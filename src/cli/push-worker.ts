/** A worker thread of the agent: opens the repositories once and pushes what it is told to. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { failureOf } from '../agent/client/protocol.ts';
import type { PushAnswer } from '../agent/sender.ts';
import type { FromWorker, ToWorker } from '../agent/worker-messages.ts';
import { WalvaultError } from '../base/errors.ts';
import type { LogEvent } from '../base/log.ts';
import type { Config } from '../config/index.ts';
import { push } from '../operations/push/push.ts';
import { garbageCollector } from './collect-garbage.ts';
import { openRepositories } from './compose.ts';
import { unpackSecrets } from './packed-config.ts';
import { pushSettings } from './push-settings.ts';
import { workerVerb } from './start-push-worker.ts';

type PushMessage = Extract<ToWorker, { kind: 'push' }>;

/** @returns 0 when it was told to end */
export async function runPushWorker(): Promise<number> {
  const port = parentPort;
  if (isMainThread || port === null)
    throw new WalvaultError('usage', `${workerVerb} is not a command`, { hint: 'See walvault --help.' });
  const config = unpackSecrets(workerData) as Config;
  // What concerns the keys is said once by those who hold them; a push by itself would say it each time.
  const standing: LogEvent[] = [];
  const opened = await openRepositories(config, { event: event => void standing.push(event) });
  const collectGarbage = garbageCollector();
  const pushes = new Map<number, AbortController>();
  const settings = { ...pushSettings(config), repositories: opened.repositories };

  async function answer(path: string, isAsked: boolean, signal: AbortSignal): Promise<PushAnswer> {
    const events: LogEvent[] = [];
    try {
      const { givenUpIn } = await push({
        ...settings,
        ...(!isAsked && { queueLimitBytes: undefined }),
        path,
        log: { event: event => void events.push(event) },
        signal,
      });
      return { kind: 'done', isDurable: givenUpIn === undefined, events: [...standing, ...events] };
    } catch (error) {
      return { kind: 'failed', events: [...standing, ...events], failure: failureOf(error) };
    }
  }

  async function send({ id, path, isAsked }: PushMessage, signal: AbortSignal): Promise<void> {
    const message: FromWorker = { id, answer: await answer(path, isAsked, signal) };
    pushes.delete(id);
    collectGarbage();
    port?.postMessage(message, []);
  }

  await new Promise<void>(resolve => {
    port.on('message', (message: ToWorker) => {
      if (message.kind === 'close') resolve();
      else if (message.kind === 'abort')
        pushes.get(message.id)?.abort(new WalvaultError('interrupted', 'the agent was stopped'));
      else {
        const controller = new AbortController();
        pushes.set(message.id, controller);
        void send(message, controller.signal);
      }
    });
  });
  await opened[Symbol.asyncDispose]();
  port.close();
  return 0;
}
