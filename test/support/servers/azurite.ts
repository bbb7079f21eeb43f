/** Azurite, Microsoft's imitation of Azure Storage from npm: in memory, on a free port, with its own account. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ContainerClient,
  newPipeline,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from '@azure/storage-blob';
import type { Certificates } from './certificates.ts';
import { onExit } from '../site/on-exit.ts';
import { freePort } from './ports.ts';
import { temporaryDirectory } from '../site/temp.ts';

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

export interface AzuriteOptions {
  readonly container?: string;
  /** TLS, without which no tokens of Entra ID are accepted; those it reads, without looking at their signature. */
  readonly certificates?: Certificates;
}

export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const { container = 'walvault-test', certificates } = options;
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
      ...(certificates ? tlsArguments(certificates) : []),
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
  const endpoint = `${certificates ? 'https' : 'http'}://127.0.0.1:${port}/${account}`;
  const agent = certificates && new Agent({ ca: readFileSync(certificates.caFile) });
  const behind: StoragePipelineOptions & { agent?: Agent } = agent ? { agent } : {};
  const client = new ContainerClient(
    `${endpoint}/${container}`,
    newPipeline(new StorageSharedKeyCredential(account, accountKey), behind),
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
      agent?.destroy();
      stop();
      await ended;
    },
  };
}

function tlsArguments({ certFile, keyFile }: Certificates): string[] {
  return ['--cert', certFile, '--key', keyFile, '--oauth', 'basic'];
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
