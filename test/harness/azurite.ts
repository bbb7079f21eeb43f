/** Microsoft's own imitation of Azure Storage, from npm, in memory, on a free port, with an account of its own. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { onExit } from './on-exit.ts';
import { freePort } from './ports.ts';
import { temporaryDirectory } from './temp.ts';

export interface Azurite {
  /** `azure://account/container/repository?endpoint=…`. */
  readonly url: string;
  readonly endpoint: string;
  readonly account: string;
  readonly accountKey: string;
  readonly container: string;
  /** The container from behind. */
  readonly client: ContainerClient;
  close(): Promise<void>;
}

const readyWithinMs = 60_000;

export async function startAzurite(options: { readonly container?: string } = {}): Promise<Azurite> {
  const container = options.container ?? 'walvault-test';
  const account = 'walvaulttest';
  const accountKey = randomBytes(64).toString('base64');
  const port = await freePort();
  const main = join(
    dirname(createRequire(import.meta.url).resolve('azurite/package.json')),
    'dist/src/blob/main.js',
  );
  const child = spawn(
    process.execPath,
    [
      main,
      ...['--blobHost', '127.0.0.1', '--blobPort', String(port)],
      ...['--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--silent'],
    ],
    {
      cwd: temporaryDirectory('azurite', { keepOwner: true }),
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${accountKey}` },
    },
  );
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => {
    complaints += data.toString();
  });
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve());
  });
  const stop = onExit(() => child.kill('SIGKILL'));
  const deadline = Date.now() + readyWithinMs;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      stop();
      throw new Error(`azurite did not start: ${complaints}`);
    }
    await sleep(50);
  }
  const endpoint = `http://127.0.0.1:${port}/${account}`;
  const client = new ContainerClient(
    `${endpoint}/${container}`,
    new StorageSharedKeyCredential(account, accountKey),
  );
  await client.create();
  return {
    url: `azure://${account}/${container}/repository?endpoint=${encodeURIComponent(endpoint)}`,
    endpoint,
    account,
    accountKey,
    container,
    client,
    async close() {
      stop();
      await ended;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
