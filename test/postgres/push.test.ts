import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, it } from 'vitest';
import { sleep } from '../../src/base/time/wait.ts';
import { WalvaultError, type ErrorCode } from '../../src/base/errors/errors.ts';
import { silentLog, wordsInto } from '../support/logs.ts';
import type { Words } from '../../src/observe/words/table.ts';
import { PushMemory } from '../../src/operations/push/push-memory.ts';
import type { PushOptions } from '../../src/operations/push/options.ts';
import { push, type PushResult } from '../../src/operations/push/push.ts';
import { pushMissing } from '../../src/operations/push/push-missing.ts';
import { readControlFile, type ControlFile } from '../../src/postgres/cluster/control-file.ts';
import { walKey } from '../../src/repository/format/layout.ts';
import { openWalObject } from '../../src/repository/wal/read-object.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { StoreError } from '../../src/stores/store.ts';
import { makeRepository, overrideStore, signal } from '../support/site/archive.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { makeSegment, walFile } from '../support/wal/wal.ts';

let dataDirectory: string;
let walDirectory: string;
let control: ControlFile;
let repository: Repository;
let events: Words[];

beforeAll(async () => {
  const server = await startPostgres({ start: false, initdbArgs: ['--wal-segsize=1'] });
  dataDirectory = server.dataDirectory;
  walDirectory = join(dataDirectory, 'pg_wal');
  control = await readControlFile(dataDirectory, signal);
});

beforeEach(async () => {
  repository = await makeRepository();
  events = [];
});

const nameOf = (timeline: number, number: number) => control.geometry.nameOf(timeline, BigInt(number));

function writeSegment(
  timeline: number,
  number: number,
  options: { fill?: number; name?: string; timelineInHeader?: number } = {},
): string {
  const { systemId } = control;
  const { segmentSizeBytes } = control.geometry;
  const made = {
    timeline: options.timelineInHeader ?? timeline,
    number: BigInt(number),
    systemId,
    segmentSizeBytes,
    fill: options.fill ?? 1,
  };
  return writeWal(options.name ?? nameOf(timeline, number), makeSegment(made));
}

function writeWal(name: string, content: Uint8Array | string): string {
  const path = join(walDirectory, name);
  writeFileSync(path, content);
  return path;
}

function send(path: string, options: Partial<PushOptions> = {}): Promise<PushResult> {
  return push({
    path,
    cluster: 'orders',
    dataDirectory: undefined,
    repositories: [repository],
    headerCheck: true,
    timeoutMs: 5000,
    log: wordsInto(events),
    signal,
    ...options,
  });
}

async function archived(name: string, key?: string): Promise<Buffer> {
  const system = { cluster: 'orders', systemId: control.systemId };
  const { plain } = await openWalObject(repository, key ?? walKey(system, walFile(name)), {
    limitBytes: 1024 ** 3,
    signal,
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of plain) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function refuses(work: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<WalvaultError> {
  let refusal: WalvaultError | undefined;
  await assert.rejects(work, error => {
    assert.ok(error instanceof WalvaultError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    refusal = error;
    return true;
  });
  assert.ok(refusal);
  return refusal;
}

describe('push', () => {
  it('archives a segment once, and the same content again without an error', async () => {
    const path = writeSegment(1, 100);
    assert.deepEqual([...(await send(path)).outcomes], [['main', 'created']]);
    assert.deepEqual([...(await send(path)).outcomes], [['main', 'identical']]);
    assert.ok((await archived(nameOf(1, 100))).equals(readFileSync(path)));
  });

  it('asks a repository once who it is, file after file, and again after a failure', async () => {
    const asked: string[] = [];
    let failing = false;
    const store = overrideStore(repository.store, {
      get: (key, options) => {
        asked.push(key.split('/').at(-1) ?? '');
        return repository.store.get(key, options);
      },
      put: (key, body, options) =>
        failing
          ? Promise.reject(new StoreError('invalid', 'refused'))
          : repository.store.put(key, body, options),
    });
    const options = {
      repositories: [{ ...repository, store }],
      memory: new PushMemory({ isForOneFile: false, repositories: [] }),
    };
    await send(writeSegment(1, 140), options);
    assert.deepEqual(asked.splice(0), ['walvault.json', 'cluster.json']);
    await send(writeSegment(1, 141), options);
    assert.deepEqual(asked.splice(0), []);
    failing = true;
    await assert.rejects(send(writeSegment(1, 142), options));
    failing = false;
    await send(writeSegment(1, 142), options);
    assert.deepEqual(asked.splice(0), ['walvault.json', 'cluster.json']);
    assert.ok((await archived(nameOf(1, 141))).equals(readFileSync(join(walDirectory, nameOf(1, 141)))));
  });

  it('uses the memory of one file for the next without mixing them up', async () => {
    const memory = new PushMemory({ isForOneFile: false, repositories: [] });
    const paths = [150, 151, 152, 153].map(number => writeSegment(1, number, { fill: number }));
    await Promise.all(paths.map(path => send(path, { memory })));
    for (const path of paths) await send(path, { memory });
    const own = new PushMemory({ isForOneFile: true, repositories: [repository] });
    for (const number of [154, 155]) await send(writeSegment(1, number, { fill: number }), { memory: own });
    for (const number of [150, 151, 152, 153, 154, 155])
      assert.ok(
        (await archived(nameOf(1, number))).equals(readFileSync(join(walDirectory, nameOf(1, number)))),
      );
  });

  it('never replaces archived content, names both and tells how to go on', async () => {
    await send(writeSegment(1, 101, { fill: 1 }));
    const first = await archived(nameOf(1, 101));
    const path = writeSegment(1, 101, { fill: 2 });
    const refusal = await refuses(
      send(path),
      'conflict',
      /archived with other content: archived \d{4}-.* sha256 [0-9a-f]{16}.*this file sha256 [0-9a-f]{16}/,
    );
    assert.match(refusal.hint ?? '', /restored copy/);
    assert.ok((await archived(nameOf(1, 101))).equals(first));
    assert.deepEqual([...(await send(path, { asConflict: true })).outcomes], [['main', 'created']]);
    assert.deepEqual([...(await send(path)).outcomes], [['main', 'kept-beside']]);
    assert.ok((await archived(nameOf(1, 101))).equals(first), 'the first content stays');
    assert.equal(events.filter(({ level }) => level === 'warn').length, 1);
  });

  it('lets one of two racing contents win', async () => {
    const [one, two] = [
      writeSegment(1, 102, { fill: 1 }),
      join(dataDirectory, 'copy', 'pg_wal', nameOf(1, 102)),
    ];
    mkdirSync(join(dataDirectory, 'copy', 'pg_wal'), { recursive: true });
    writeFileSync(two, readFileSync(one).fill(9, 100));
    const results = await Promise.allSettled([send(one), send(two, { dataDirectory })]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  it('refuses what is not what its name says, before anything is sent', async () => {
    const before = await keys();
    await refuses(send(writeSegment(1, 110, { name: nameOf(1, 111) })), 'invalid-file', /its name means/);
    await refuses(send(writeSegment(1, 112, { timelineInHeader: 2 })), 'invalid-file', /timeline 2, above/);
    const { segmentSizeBytes } = control.geometry;
    await refuses(
      send(
        writeWal(nameOf(1, 113), makeSegment({ timeline: 1, number: 113n, systemId: 4n, segmentSizeBytes })),
      ),
      'invalid-file',
      /system identifier 4,/,
    );
    await refuses(send(writeWal(nameOf(1, 114), '')), 'invalid-file', /it has 0 bytes/);
    await refuses(send(writeWal('notwal', 'x')), 'invalid-file', /not the name of a WAL file/);
    await refuses(send(join(walDirectory, nameOf(1, 115))), 'local-io', /no such file/);
    assert.deepEqual(await keys(), before);
  });

  it("accepts a new timeline's first segment with its parent's pages", async () => {
    await send(writeSegment(3, 120, { timelineInHeader: 2 }));
  });

  it('keeps histories, backup files and partials, each under a key of its own', async () => {
    await send(writeWal('00000002.history', '1\t0/1900000\tno recovery target specified\n'));
    await send(writeWal(`${nameOf(1, 100)}.00000028.backup`, 'START WAL LOCATION: 0/6400028\n'));
    const partial = writeSegment(1, 130, { name: `${nameOf(1, 130)}.partial`, fill: 1 });
    await send(partial);
    await send(writeSegment(1, 130, { name: `${nameOf(1, 130)}.partial`, fill: 2 }));
    await send(writeSegment(1, 130, { fill: 3 }));
    assert.equal((await keys()).filter(key => key.includes(nameOf(1, 130))).length, 3);
    assert.equal(
      (await archived('00000002.history')).toString(),
      '1\t0/1900000\tno recovery target specified\n',
    );
    await refuses(
      send(writeWal('00000002.history', '1\t0/1A00000\tanother\n')),
      'conflict',
      /00000002.history is archived with other content/,
    );
  });

  it('archives the segment a standby finished past its switchpoint as a partial', async () => {
    writeWal('00000005.history', '4\t0/8C00010\tfailover\n');
    const path = writeSegment(4, 0x8c);
    writeFileSync(join(dataDirectory, 'standby.signal'), '');
    assert.equal((await send(path)).file.name, `${nameOf(4, 0x8c)}.partial`);
    rmSync(join(dataDirectory, 'standby.signal'));
    assert.equal((await send(path)).file.name, nameOf(4, 0x8c));
  });

  it('fails when one required repository fails, and the others still receive the file', async () => {
    const second = await makeRepository({ name: 'second' });
    const failing = {
      ...second,
      store: overrideStore(second.store, {
        put: () => Promise.reject(new StoreError('denied', 'put denied on purpose')),
      }),
    };
    await refuses(
      send(writeSegment(1, 140), { repositories: [failing, repository] }),
      'denied',
      /on purpose/,
    );
    assert.ok(await archived(nameOf(1, 140)));
    const result = await send(writeSegment(1, 141), {
      repositories: [{ ...failing, required: false }, repository],
    });
    assert.deepEqual([...result.outcomes.keys()], ['main']);
    assert.ok(
      events.some(
        ({ level, message }) => level === 'warn' && message.includes('best-effort repository "second"'),
      ),
    );
  });

  it('takes its own write for success when the answer was lost', async () => {
    const { store } = repository;
    let isLost = true;
    const losing = overrideStore(store, {
      put: async (key, body, options) => {
        await store.put(key, body, options);
        if (!isLost || !key.includes('/wal/')) return;
        isLost = false;
        throw new StoreError('unreachable', 'connection reset');
      },
    });
    const result = await send(writeSegment(1, 150), { repositories: [{ ...repository, store: losing }] });
    assert.deepEqual([...result.outcomes], [['main', 'created']]);
  });

  it('gives up at its deadline with the real reason', async () => {
    const down = {
      ...repository,
      store: overrideStore(repository.store, {
        get: () => Promise.reject(new StoreError('unreachable', 'connection refused')),
      }),
    };
    await refuses(
      send(writeSegment(1, 151), { repositories: [down], timeoutMs: 300 }),
      'unreachable',
      /connection refused/,
    );
  });

  it('takes longer than its deadline for a large segment that is on its way, not for one that is stuck', async () => {
    const large = (number: number) => writeWal(nameOf(1, number), randomBytes(33 * 1024 ** 2));
    const taking = (pauseMs: (piece: number) => number): Repository => {
      const put: typeof repository.store.put = async (key, body, options) => {
        if (Array.isArray(body)) return repository.store.put(key, body, options);
        let piece = 0;
        async function* slowly() {
          for await (const chunk of body as AsyncIterable<Uint8Array>) {
            await sleep(pauseMs(piece++), options.signal);
            yield chunk;
          }
        }
        return repository.store.put(key, slowly(), options);
      };
      return { ...repository, store: overrideStore(repository.store, { put }) };
    };
    const limits = { headerCheck: false, timeoutMs: 3000 };
    const startedAt = performance.now();
    const sent = await send(large(153), { ...limits, repositories: [taking(() => 120)] });
    assert.deepEqual([...sent.outcomes], [['main', 'created']]);
    assert.ok(performance.now() - startedAt > limits.timeoutMs, 'it was too fast to show anything');
    const stuck = taking(piece => (piece < 2 ? 0 : 600_000));
    await refuses(
      send(large(154), { ...limits, repositories: [stuck] }),
      'unreachable',
      /no answer within 3.0 s/,
    );
  });

  it('refuses a place that is no repository', async () => {
    const empty = await makeRepository({ empty: true });
    await refuses(
      send(writeSegment(1, 152), { repositories: [empty] }),
      'not-a-repository',
      /not a walvault repository/,
    );
  });

  it('--missing sends what is finished and not archived', async () => {
    const server = await startPostgres({ start: false, initdbArgs: ['--wal-segsize=1'] });
    const own = await readControlFile(server.dataDirectory, signal);
    const directory = join(server.dataDirectory, 'pg_wal');
    const put = (number: number, status: string) => {
      const made = {
        timeline: 1,
        number: BigInt(number),
        systemId: own.systemId,
        segmentSizeBytes: own.geometry.segmentSizeBytes,
      };
      writeFileSync(join(directory, nameOf(1, number)), makeSegment(made));
      if (status !== '')
        writeFileSync(join(directory, 'archive_status', `${nameOf(1, number)}${status}`), '');
    };
    put(200, '.done');
    put(201, '.ready');
    put(202, '');
    await send(join(directory, nameOf(1, 200)));
    const result = await pushMissing({
      cluster: 'orders',
      dataDirectory: server.dataDirectory,
      repositories: [repository],
      headerCheck: true,
      timeoutMs: 5000,
      log: silentLog,
      signal,
    });
    assert.deepEqual(result, { sent: [nameOf(1, 201)], alreadyArchived: 1, failed: [] });
  });
});

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of repository.store.list({ prefix: '', signal }))
    if ('key' in entry) found.push(entry.key);
  return found;
}
