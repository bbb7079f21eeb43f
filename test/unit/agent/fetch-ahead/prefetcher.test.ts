import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  statSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'vitest';
import type { AheadAnswer } from '../../../../src/agent/fetch-ahead/fetcher.ts';
import type { PlainError } from '../../../../src/base/errors/plain-error.ts';
import { Prefetcher, type ReadySegment } from '../../../../src/agent/fetch-ahead/prefetcher.ts';
import { identityOf } from '../../../../src/base/files/identity.ts';
import { silentLog } from '../../../support/logs.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { clusterSamples, type ClusterSample } from '../../../support/wal/cluster-samples.ts';

const [cluster, otherCluster] = clusterSamples.filter(({ major }) => major >= 15) as [
  ClusterSample,
  ClusterSample,
];
/** Of the samples. */
const segmentSizeBytes = 4 * 1024 ** 2;

function name(timeline: number, number: number): string {
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  return hex(timeline) + hex(0) + hex(number);
}

/** A recovering data directory and an archive whose segments arrive when the test says so. */
function createBench(options: { jobs?: number; depth?: number; timeoutMs?: number } = {}) {
  const dataDirectory = temporaryDirectory('prefetch', { keepOwner: true });
  const walDirectory = join(dataDirectory, 'pg_wal');
  const directory = join(walDirectory, 'walvault.prefetch');
  mkdirSync(walDirectory);
  mkdirSync(join(dataDirectory, 'global'));
  const becomes = ({ controlFile }: ClusterSample) =>
    writeFileSync(join(dataDirectory, 'global/pg_control'), Buffer.from(controlFile, 'base64'));
  becomes(cluster);
  writeFileSync(join(dataDirectory, 'recovery.signal'), '');
  const started: string[] = [];
  const failures: string[] = [];
  /** Jobs that go on when they are told to end. */
  const stuck = new Set<string>();
  const arriving = new Map<string, (answer: 'whole' | 'absent' | PlainError) => void>();
  const prefetcher = new Prefetcher({
    fetcher: {
      async fetchAhead(job, signal): Promise<AheadAnswer> {
        started.push(job.name);
        const fate = await new Promise<'whole' | 'absent' | PlainError>(resolve => {
          arriving.set(job.name, resolve);
          signal.addEventListener('abort', () => {
            if (!stuck.has(job.name)) resolve({ code: 'interrupted', message: 'gone', retry: false });
          });
        });
        if (fate === 'absent') return { kind: 'absent' };
        if (fate !== 'whole') return { kind: 'failed', failure: fate };
        writeFileSync(job.destination, `${job.systemId} ${job.name}`);
        const identity = identityOf(statSync(job.destination, { bigint: true }));
        return { kind: 'ready', events: [{ kind: 'file-absent', file: job.name }], identity };
      },
    },
    dataDirectory,
    walDirectory,
    depthBytes: (options.depth ?? 4) * segmentSizeBytes,
    jobs: options.jobs ?? 2,
    timeoutMs: options.timeoutMs ?? 60_000,
    standbyTimeoutMs: 5000,
    onFailure: ({ code }) => failures.push(code),
    log: silentLog,
  });
  return {
    prefetcher,
    directory,
    dataDirectory,
    walDirectory,
    started,
    failures,
    stuck,
    becomes,
    ask: (asked: string, timeline?: number): Promise<ReadySegment | undefined> =>
      prefetcher.ask({ name: asked, destination: join(walDirectory, 'RECOVERYXLOG'), timeline }),
    async arrives(number: string, fate: 'whole' | 'absent' | PlainError = 'whole') {
      const settle = arriving.get(number);
      assert.ok(settle !== undefined, `${number} was not fetched; ${started.join(' ')}`);
      settle(fate);
      for (let i = 0; i < 5; i++) await turn();
    },
    files: () => (existsSync(directory) ? readdirSync(directory).toSorted() : []),
  };
}

function contentOf(segment: ReadySegment | undefined): string | undefined {
  return segment && readFileSync(segment.file.path, 'utf8');
}

describe('the prefetcher', () => {
  it('hands over what it has fetched, once, with what was said about it', async () => {
    const bench = createBench();
    assert.equal(await bench.ask(name(1, 5)), undefined);
    await bench.arrives(name(1, 6));
    const found = await bench.ask(name(1, 6));
    assert.equal(contentOf(found), `${cluster.systemId} ${name(1, 6)}`);
    assert.deepEqual(found?.events, [{ kind: 'file-absent', file: name(1, 6) }]);
    assert.equal(await bench.ask(name(1, 6)), undefined);
    assert.equal(bench.prefetcher.figures.served, 1);
  });

  it('begins with one, goes on with as many as it may, and no further than it should', async () => {
    const bench = createBench({ depth: 4, jobs: 3 });
    await bench.ask(name(1, 5));
    assert.deepEqual(bench.started, [name(1, 6)]);
    await bench.arrives(name(1, 6));
    assert.deepEqual(bench.started.slice(1), [name(1, 7), name(1, 8)]);
    await bench.arrives(name(1, 7));
    await bench.arrives(name(1, 8));
    await bench.arrives(name(1, 9));
    assert.equal(bench.started.length, 4);
    await bench.ask(name(1, 6));
    assert.deepEqual(bench.started.slice(4), [name(1, 10)]);
  });

  it('waits for a segment that is on its way', async () => {
    const bench = createBench();
    await bench.ask(name(1, 5));
    const asked = bench.ask(name(1, 6));
    for (let i = 0; i < 20; i++) await turn();
    await bench.arrives(name(1, 6));
    assert.equal(contentOf(await asked), `${cluster.systemId} ${name(1, 6)}`);
  });

  it('does not wait for ever', async () => {
    const bench = createBench({ timeoutMs: 1 });
    await bench.ask(name(1, 5));
    assert.equal(await bench.ask(name(1, 6)), undefined);
    await bench.arrives(name(1, 6));
    assert.equal(contentOf(await bench.ask(name(1, 6))), `${cluster.systemId} ${name(1, 6)}`);
  });

  it('asks once at the end of the archive, however often the recovery does', async () => {
    const bench = createBench();
    for (let i = 0; i < 5; i++) {
      assert.equal(await bench.ask(name(1, 5)), undefined);
      if (i === 0) await bench.arrives(name(1, 6), 'absent');
    }
    assert.deepEqual(bench.started, [name(1, 6)]);
    // The recovery got it in the meantime.
    await bench.ask(name(1, 6));
    assert.deepEqual(bench.started.slice(1), [name(1, 7)]);
  });

  it('tells of failures, and leaves the segment to fetch', async () => {
    const bench = createBench();
    await bench.ask(name(1, 5));
    await bench.arrives(name(1, 6), { code: 'damaged', message: 'broken', retry: false });
    assert.equal(await bench.ask(name(1, 5)), undefined);
    assert.deepEqual(bench.failures, ['damaged']);
    assert.deepEqual(bench.started, [name(1, 6)]);
    assert.equal(await bench.ask(name(1, 6)), undefined);
  });

  for (const [what, spoil] of [
    ['another file under its name', (path: string) => (rmSync(path), writeFileSync(path, 'other'))],
    ['another content', (path: string) => writeFileSync(path, 'other')],
    ['no file', (path: string) => rmSync(path)],
    ['a link', (path: string) => (rmSync(path), symlinkSync('/etc/hostname', path))],
  ] as const) {
    it(`does not hand over ${what}`, async () => {
      const bench = createBench();
      await bench.ask(name(1, 5));
      await bench.arrives(name(1, 6));
      spoil(join(bench.directory, `${cluster.systemId}.${name(1, 6)}`));
      assert.equal(await bench.ask(name(1, 6)), undefined);
    });
  }

  it('never hands over files that it did not fetch, and removes them', async () => {
    const bench = createBench();
    mkdirSync(bench.directory);
    for (const number of [6, 7])
      writeFileSync(join(bench.directory, `${cluster.systemId}.${name(1, number)}`), 'left by a dead agent');
    await bench.ask(name(1, 5));
    assert.deepEqual(bench.files(), ['owner']);
    writeFileSync(join(bench.directory, `${cluster.systemId}.${name(1, 9)}`), 'junk');
    await bench.arrives(name(1, 6));
    assert.deepEqual(bench.files(), [`${cluster.systemId}.${name(1, 6)}`, 'owner']);
    assert.equal(await bench.ask(name(1, 9)), undefined);
  });

  it('respects the lock of a living process, and of no other', async () => {
    const bench = createBench();
    mkdirSync(bench.directory);
    const { ppid } = process;
    const stat = readFileSync(`/proc/${ppid}/stat`, 'latin1');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(join(bench.directory, 'owner'), `${ppid} ${startTime}\n`);
    await bench.ask(name(1, 5));
    assert.deepEqual(bench.started, []);
    await bench.prefetcher.close();
    assert.deepEqual(bench.files(), ['owner']);

    const next = createBench();
    mkdirSync(next.directory);
    writeFileSync(join(next.directory, 'owner'), `${ppid} ${Number(startTime) + 1}\n`);
    await next.ask(name(1, 5));
    assert.deepEqual(next.started, [name(1, 6)]);
  });

  it("does not hand over a parent's segment once the recovery has left that timeline", async () => {
    const bench = createBench({ depth: 3 });
    await bench.ask(name(1, 5));
    for (const number of [6, 7, 8]) await bench.arrives(name(1, number));
    // Left in the middle of segment 7, of 4 MiB each.
    writeFileSync(join(bench.walDirectory, '00000002.history'), '1\t0/1E00000\tfailover\n');
    assert.equal(await bench.ask(name(1, 7)), undefined);
    assert.equal(await bench.ask(name(1, 8)), undefined);
    const fork = createBench({ depth: 3 });
    writeFileSync(join(fork.walDirectory, '00000002.history'), '1\t0/1E00000\tfailover\n');
    await fork.ask(name(1, 5));
    for (const file of [name(1, 6), name(2, 7), name(2, 8)]) await fork.arrives(file);
    assert.equal(contentOf(await fork.ask(name(2, 7))), `${cluster.systemId} ${name(2, 7)}`);
  });

  it('follows the timeline that restore has named, once its history is there', async () => {
    const bench = createBench();
    await bench.ask(name(1, 5), 3);
    assert.deepEqual(bench.started, []);
    writeFileSync(join(bench.walDirectory, '00000003.history'), '1\t0/1800000\tfailover\n');
    await bench.ask(name(1, 5), 3);
    assert.deepEqual(bench.started, [name(3, 6)]);
  });

  it('forgets everything when another cluster lies in the directory', async () => {
    const bench = createBench();
    await bench.ask(name(1, 5));
    await bench.arrives(name(1, 6));
    bench.becomes(otherCluster);
    assert.equal(await bench.ask(name(1, 6)), undefined);
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(await bench.ask(name(1, 6)), undefined);
    assert.deepEqual(bench.files(), ['owner']);
    await bench.arrives(name(1, 7));
    assert.deepEqual(bench.files(), [`${otherCluster.systemId}.${name(1, 7)}`, 'owner']);
  });

  it(
    'lets nobody wait until what another cluster has asked for is given up',
    { timeout: 30_000 },
    async () => {
      const bench = createBench({ jobs: 1 });
      bench.stuck.add(name(1, 6));
      await bench.ask(name(1, 5));
      bench.becomes(otherCluster);
      for (let i = 0; i < 2; i++) assert.equal(await bench.ask(name(1, 5)), undefined);
      await bench.arrives(name(1, 6));
      assert.deepEqual(bench.started, [name(1, 6)]);
      assert.equal(await bench.ask(name(1, 5)), undefined);
      await bench.arrives(name(1, 6));
      assert.equal(contentOf(await bench.ask(name(1, 6))), `${otherCluster.systemId} ${name(1, 6)}`);
    },
  );

  it('leaves nothing when the recovery is over, and does nothing where there is none', async () => {
    const bench = createBench();
    await bench.ask(name(1, 5));
    await bench.arrives(name(1, 6));
    rmSync(join(bench.dataDirectory, 'recovery.signal'));
    assert.equal(await bench.ask(name(1, 6)), undefined);
    await bench.prefetcher.lookAround();
    assert.deepEqual(readdirSync(bench.walDirectory), []);
    const count = bench.started.length;
    assert.equal(await bench.ask(name(1, 7)), undefined);
    assert.equal(bench.started.length, count);
  });

  it('leaves nothing when it is closed in the middle of its work', async () => {
    const bench = createBench();
    await bench.ask(name(1, 5));
    await bench.arrives(name(1, 6));
    await bench.prefetcher.close();
    assert.deepEqual(readdirSync(bench.walDirectory), []);
    assert.deepEqual(bench.failures, []);
    assert.equal(await bench.ask(name(1, 6)), undefined);
  });

  it('serves no other place than pg_wal, and nothing but segments', async () => {
    const bench = createBench();
    const destination = join(bench.dataDirectory, 'elsewhere');
    assert.equal(await bench.prefetcher.ask({ name: name(1, 5), destination }), undefined);
    assert.equal(await bench.ask('00000002.history'), undefined);
    assert.deepEqual(bench.started, []);
    assert.equal(basename(bench.directory), 'walvault.prefetch');
  });

  it('takes one segment where the depth is less than that, and none at 0', async () => {
    const small = createBench({ depth: 0.5 });
    await small.ask(name(1, 5));
    await small.arrives(name(1, 6));
    assert.deepEqual(small.started, [name(1, 6)]);
    const off = createBench({ depth: 0 });
    await off.ask(name(1, 5));
    assert.deepEqual(off.started, []);
  });
});
