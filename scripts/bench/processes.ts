/** Starts the server and each client in separate processes, so that the processor time of a client counts alone. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import pkgConfig from '../../pkg.config.json' with { type: 'json' };
import type { BenchTask, Measured, Scheme } from './task.ts';

export interface BenchServer extends AsyncDisposable {
  readonly origin: string;
}

export async function startServer(scheme: Scheme, sizeBytes: number): Promise<BenchServer> {
  const child = fork(resolve(import.meta.dirname, 'server-main.ts'), [scheme, String(sizeBytes)]);
  const origin = (await messageOf(child)) as string;
  return {
    origin,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** With the flags of the executable. */
export async function measureClient(task: BenchTask): Promise<Measured> {
  const child = fork(resolve(import.meta.dirname, 'client-main.ts'), [JSON.stringify(task)], {
    execArgv: pkgConfig.seaConfig.execArgv,
  });
  const ended = once(child, 'exit');
  const measured = (await messageOf(child)) as Measured;
  await ended;
  return measured;
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process ended with status ${code}`);
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as unknown[];
  ended.catch(() => undefined);
  return message;
}
