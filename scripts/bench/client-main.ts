/** One measurement: warms up, does the task `count` times, and tells what this process used. */
import { mkdtempSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Secret } from '../../src/base/secret.ts';
import { openStore } from '../../src/stores/open.ts';
import type { Store } from '../../src/stores/store.ts';
import type { BenchTask, Measured } from './task.ts';

const warmUpCount = 20;
const chunkBytes = 1024 ** 2;
const signal = new AbortController().signal;
const task = JSON.parse(process.argv[2] ?? '') as BenchTask;
const body = Buffer.alloc(Math.min(task.sizeBytes, 4 * chunkBytes), 7);
const directory = mkdtempSync(join(tmpdir(), 'walvault-bench-'));

const work = task.driver === 'bare' ? bareRequest() : await throughStore(await open());
for (let index = 0; index < (task.operation === 'stream' ? 0 : warmUpCount); index++) await work(index);
const before = process.cpuUsage();
for (let index = 0; index < task.count; index++) await work(index);
const { user, system } = process.cpuUsage(before);
rmSync(directory, { recursive: true });
const measured: Measured = {
  cpuMs: (user + system) / 1000,
  maxResidentBytes: process.resourceUsage().maxRSS * 1024,
};
process.send?.(measured, () => process.exit(0));

function bareRequest(): (index: number) => Promise<void> {
  const { request, Agent } = task.origin.startsWith('https') ? https : http;
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const method = task.operation === 'put' ? 'PUT' : 'GET';
  const headers = method === 'PUT' ? { 'content-length': body.length } : {};
  return async index => {
    await new Promise<void>((resolve, reject) => {
      const sent = request(`${task.origin}/bucket/${index}`, { agent, method, headers }, answer => {
        answer.on('data', () => undefined);
        answer.once('end', resolve);
      });
      sent.once('error', reject);
      sent.end(method === 'PUT' ? body : undefined);
    });
  };
}

async function open(): Promise<Store> {
  if (task.driver === 'directory') return await openStore({ url: pathToFileURL(directory).href });
  return await openStore({
    url: `s3://bucket/prefix?path-style=true&endpoint=${encodeURIComponent(task.origin)}`,
    accessKeyId: new Secret('AKIABENCH'),
    secretAccessKey: new Secret('bench'),
    verifyTls: false,
  });
}

async function throughStore(store: Store): Promise<(index: number) => Promise<void>> {
  const options = { ifAbsent: false, objectClass: 'wal', signal } as const;
  if (task.operation === 'put')
    return async index => {
      await store.put(`objects/${index}`, [body], options);
    };
  if (task.operation === 'stream')
    return async () => {
      await store.put('objects/long', pieces(), { ...options, sizeBytes: task.sizeBytes });
    };
  if (task.driver === 'directory') await store.put('objects/one', [body], options);
  return async () => {
    const object = await store.get('objects/one', { signal });
    for await (const _ of object.body);
  };
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let sentBytes = 0; sentBytes < task.sizeBytes; sentBytes += chunkBytes)
    yield Buffer.alloc(chunkBytes, 7);
}
