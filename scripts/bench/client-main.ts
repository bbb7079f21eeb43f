/** The process of one measurement: it warms up, runs the task `count` times, and reports its processor time. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { newStoreCounters } from '../../src/stores/decorators/counting-store.ts';
import { openStore } from '../../src/stores/open.ts';
import type { PutOptions, Store } from '../../src/stores/store.ts';
import { createBareRequests } from './bare.ts';
import { contentOf } from './content.ts';
import type { BenchTask, Measured } from './task.ts';
import { settingsFor } from './urls.ts';

type Work = (index: number) => Promise<void>;

const warmUpCount = 20;
const signal = new AbortController().signal;
const task = JSON.parse(process.argv[2] ?? '') as BenchTask;
const body = contentOf(task.sizeBytes);
const directory = mkdtempSync(join(tmpdir(), 'walvault-bench-'));

const work = task.driver === 'bare' ? bareWork() : await storeWork(await open());
for (let index = 0; index < warmUpCount; index++) await work(index);
const before = process.cpuUsage();
for (let index = 0; index < task.count; index++) await work(warmUpCount + index);
const { user, system } = process.cpuUsage(before);
rmSync(directory, { recursive: true });
const measured: Measured = { cpuMs: (user + system) / 1000 };
process.send?.(measured, () => process.exit(0));

function bareWork(): Work {
  const bare = createBareRequests(task.origin);
  return index =>
    task.operation === 'put' ? bare.put(`/bucket/${index}`, body) : bare.get(`/bucket/${index}`);
}

/** With the limits and counters that every command lays over a driver by default (`cli/compose.ts`). */
async function open(): Promise<Store> {
  const { driver, origin } = task;
  const isCloud = driver !== 'directory' && driver !== 'bare';
  return await openStore({
    ...(isCloud ? settingsFor(driver, origin) : { url: pathToFileURL(directory).href }),
    verifyTls: false,
    timeoutMs: 20_000,
    limits: { maxRequests: 32, counters: newStoreCounters() },
  });
}

async function storeWork(store: Store): Promise<Work> {
  const options = putOptions();
  const put: Work = index => store.put(`objects/${index}`, [body], options);
  if (task.operation === 'put') return put;
  if (task.driver === 'directory') await put(0);
  return async () => {
    const object = await store.get('objects/0', { signal });
    for await (const _ of object.body);
  };
}

/** As push has them: it has hashed the stored bytes already, because their digest is part of the metadata. */
function putOptions(): PutOptions {
  const sha256 = createHash('sha256').update(body).digest('hex');
  const metadata = {
    digest: `sha256:${sha256}`,
    size: String(body.length),
    storeddigest: `sha256:${sha256}`,
    storedsize: String(body.length),
    writeid: randomBytes(12).toString('hex'),
  };
  return {
    ifAbsent: true,
    objectClass: 'wal',
    metadata,
    sizeBytes: body.length,
    sha256,
    isDigestOfBody: true,
    signal,
  };
}
