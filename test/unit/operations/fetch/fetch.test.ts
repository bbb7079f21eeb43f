import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'vitest';
import { sleep } from '../../../../src/base/time/wait.ts';
import { collect } from '../../../../src/base/bytes/streams.ts';
import { WalvaultError, type ErrorCode } from '../../../../src/base/errors/errors.ts';
import { fetch, type FetchResult } from '../../../../src/operations/fetch/fetch.ts';
import type { FetchOptions } from '../../../../src/operations/fetch/options.ts';
import { wordsInto } from '../../../support/logs.ts';
import type { Words } from '../../../../src/observe/words/table.ts';

import { walKey, markerKey, clusterRecordKey } from '../../../../src/repository/format/layout.ts';
import { acknowledgedGapNote } from '../../../../src/repository/format/notes/gap-acknowledged.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { walSubject, writeNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { StoreError, type StoreErrorKind } from '../../../../src/stores/store.ts';
import {
  archiveFile,
  archiveSegment,
  makeRepository,
  overrideStore,
  geometry,
  segmentSizeBytes,
  signal,
  system,
} from '../../../support/site/archive.ts';
import { commitBackup } from '../../../support/copied-repository.ts';
import { makeSignedArchive } from '../../../support/hostile/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { makeSegment, walFile } from '../../../support/wal/wal.ts';
import { bodyOf, WalWriter } from '../../../support/wal/wal-writer.ts';

let directory: string;
let destination: string;
let events: Words[];
let repository: Repository;

beforeEach(async () => {
  directory = join(temporaryDirectory('fetch', { keepOwner: true }), 'pg_wal');
  mkdirSync(directory);
  destination = join(directory, 'RECOVERYXLOG');
  events = [];
  repository = await makeRepository();
});

const name = (timeline: number, number: number) => geometry.nameOf(timeline, BigInt(number));

function ask(wanted: string, options: Partial<FetchOptions> = {}): Promise<FetchResult> {
  return fetch({
    name: wanted,
    destination,
    system,
    geometry,
    mode: 'point-in-time',
    reached: [],
    timeline: undefined,
    isTargetSet: false,
    repositories: [repository],
    headerCheck: true,
    timeoutMs: 60_000,
    standbyTimeoutMs: 60_000,
    log: wordsInto(events),
    signal,
    ...options,
  });
}

/** For failures that fetch tries again until its time is up. */
function askBriefly(wanted: string, options: Partial<FetchOptions> = {}): Promise<FetchResult> {
  return ask(wanted, { timeoutMs: 600, standbyTimeoutMs: 600, ...options });
}

async function fails(work: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(work, error => {
    assert.ok(error instanceof WalvaultError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
  assert.deepEqual(
    readdirSync(directory).filter(file => file.includes('RECOVERY')),
    [],
    'something was left behind',
  );
}

function breakGet(target: Repository, kind: StoreErrorKind): Repository {
  const broken = () => Promise.reject(new StoreError(kind, `${kind} on purpose`));
  const list = async function* list() {
    yield await broken();
  };
  return {
    ...target,
    store: overrideStore(target.store, { put: broken, get: broken, head: broken, delete: broken, list }),
  };
}

describe('fetch', () => {
  it('delivers the exact segment', async () => {
    await archiveSegment(repository, 1, 5n, 77);
    assert.deepEqual(await ask(name(1, 5)), { outcome: 'delivered', repository: 'main' });
    const expected = makeSegment({
      timeline: 1,
      number: 5n,
      systemId: system.systemId,
      segmentSizeBytes,
      fill: 77,
    });
    assert.ok(readFileSync(destination).equals(expected));
  });

  it('delivers histories and refuses names that are none', async () => {
    await archiveFile(repository, '00000002.history', '1\t0/500000\tno recovery target specified\n');
    assert.equal((await ask('00000002.history')).outcome, 'delivered');
    await assert.rejects(ask('../global/pg_control'), { code: 'invalid-file' });
  });

  it('says absent at the end of the archive, and for a history that nobody wrote', async () => {
    await archiveSegment(repository, 1, 5n);
    assert.deepEqual(await ask(name(1, 6)), { outcome: 'absent' });
    assert.deepEqual(await ask('00000002.history'), { outcome: 'absent' });
  });

  it('asks no store for the history of timeline 1, which never had one', async () => {
    for (const mode of ['standby', 'point-in-time', 'none'] as const) {
      const nobody = { mode, repositories: [breakGet(repository, 'unreachable')] };
      assert.deepEqual(await ask('00000001.history', nobody), { outcome: 'absent' });
    }
  });

  describe('never says absent', () => {
    it('before a later segment', async () => {
      await archiveSegment(repository, 1, 5n);
      await archiveSegment(repository, 1, 7n);
      await fails(askBriefly(name(1, 6)), 'wal-missing', /later segments/);
    });

    it('before a later partial', async () => {
      await archiveFile(repository, `${name(1, 7)}.partial`, 'x');
      await fails(askBriefly(name(1, 6)), 'wal-missing', /later segments/);
    });

    it('before the point at which a child left the timeline', async () => {
      await archiveSegment(repository, 1, 5n);
      await archiveFile(repository, '00000002.history', '1\t0/880000\tfailover\n');
      await fails(askBriefly(name(1, 6)), 'wal-missing', /timeline 2 left timeline 1/);
      await archiveSegment(repository, 1, 6n);
      await archiveSegment(repository, 1, 7n);
      assert.deepEqual(
        await ask(name(1, 8)),
        { outcome: 'absent' },
        'the switchpoint itself lies in segment 8',
      );
    });

    it('for what cleanup removed', async () => {
      await archiveSegment(repository, 1, 5n);
      const body = { first: name(1, 6), last: name(1, 9) };
      await writeNote(repository, system, { subject: walSubject(1), kind: 'wal-removed', body }, signal);
      await fails(askBriefly(name(1, 8)), 'wal-missing', /cleanup removed it/);
      assert.deepEqual(await ask(name(1, 10)), { outcome: 'absent' });
    });

    it('for what was given up, though nothing later has arrived, unless it is there after all', async () => {
      await archiveSegment(repository, 1, 5n);
      const body = { first: name(1, 6), last: name(1, 7), lostFrom: '2026-01-01T03:00:00.000Z', host: 'db1' };
      await writeNote(repository, system, { subject: walSubject(1), kind: 'wal-lost', body }, signal);
      await fails(
        askBriefly(name(1, 6)),
        'wal-missing',
        /it was given up .*2026-01-01T03:00:00.000Z.* by db1/,
      );
      assert.deepEqual(await ask(name(1, 6), { isTargetSet: true }), { outcome: 'absent' });
      assert.deepEqual(await ask(name(1, 8)), { outcome: 'absent' });
      await archiveSegment(repository, 1, 7n);
      assert.equal((await ask(name(1, 7))).outcome, 'delivered');
    });

    it('for what was deleted from a versioned bucket', async () => {
      const { store } = repository;
      const get: typeof store.get = (key, options) =>
        key.endsWith(name(1, 6))
          ? Promise.reject(new StoreError('absent', 'no such key', { hasDeleteMarker: true }))
          : store.get(key, options);
      const versioned = { ...repository, store: overrideStore(store, { get }) };
      await fails(askBriefly(name(1, 6), { repositories: [versioned] }), 'wal-missing', /was deleted/);
    });

    describe('where the tail of the archive is lost', () => {
      beforeEach(async () => {
        await archiveSegment(repository, 1, 5n);
      });

      it('and a later backup needed it, unless a standby asks', async () => {
        await commitBackup(repository, { from: 7n, to: 8n });
        await fails(askBriefly(name(1, 6)), 'wal-missing', /backup .* was taken with WAL up to 0+100+8/);
        assert.deepEqual(await ask(name(1, 9)), { outcome: 'absent' });
        assert.deepEqual(await ask(name(2, 6)), { outcome: 'absent' }, 'another timeline');
        const listed: string[] = [];
        const { store } = repository;
        const list: typeof store.list = options => {
          listed.push(options.prefix);
          return store.list(options);
        };
        const repositories = [{ ...repository, store: overrideStore(store, { list }) }];
        const standby = { mode: 'standby' as const, repositories };
        assert.deepEqual(await ask(name(1, 6), standby), { outcome: 'absent' });
        assert.ok(!listed.some(prefix => prefix.includes('catalog/backups')), 'a standby asks all the time');
      });

      it('and a high-water note lies above it', async () => {
        await writeNote(repository, system, highWaterNote({ timeline: 1, segment: 8n }, geometry), signal);
        await fails(askBriefly(name(1, 6)), 'wal-missing', /0+100+8 was archived, as noted/);
        await fails(askBriefly(name(1, 8)), 'wal-missing', /as noted/);
        assert.deepEqual(await askBriefly(name(1, 9)), { outcome: 'absent' });
        assert.deepEqual(await askBriefly(name(1, 6), { mode: 'standby' }), { outcome: 'absent' });
        assert.match(events.at(-1)?.message ?? '', /is not the end of the archive/);
      });

      it('and WAL above it was given up or removed', async () => {
        const body = { first: name(1, 7), last: name(1, 8) };
        await writeNote(repository, system, { subject: walSubject(1), kind: 'wal-lost', body }, signal);
        await fails(askBriefly(name(1, 6)), 'wal-missing', /later WAL was given up/);
        const above = { first: name(2, 7), last: name(2, 8) };
        const removed = { subject: walSubject(2), kind: 'wal-removed', body: above } as const;
        await writeNote(repository, system, removed, signal);
        await fails(askBriefly(name(2, 6)), 'wal-missing', /cleanup removed later WAL/);
      });

      it('with the whole directory of WAL', async () => {
        await commitBackup(repository, { from: 4n, to: 5n });
        await repository.store.delete([walKey(system, walFile(name(1, 5)))], { signal });
        await fails(askBriefly(name(1, 5)), 'wal-missing', /was taken with WAL up to/);
      });
    });

    describe('until the gap is acknowledged', () => {
      const by = { user: 'alice', host: 'db1', reason: 'ticket 7' };
      const accept = (first: bigint, last: bigint) =>
        writeNote(
          repository,
          system,
          acknowledgedGapNote({ timeline: 1, first, last }, geometry, by),
          signal,
        );

      beforeEach(async () => {
        await archiveSegment(repository, 1, 5n);
        await commitBackup(repository, { from: 7n, to: 8n });
      });

      it('by a note that counts, for these segments alone', async () => {
        await accept(6n, 7n);
        assert.deepEqual(await ask(name(1, 6)), { outcome: 'absent' });
        assert.match(events.at(-1)?.message ?? '', /alice on db1 acknowledged this .*: ticket 7/);
        await fails(askBriefly(name(1, 8)), 'wal-missing', /was taken with WAL/);
      });

      it('whatever shows the gap', async () => {
        await accept(6n, 6n);
        const body = { first: name(1, 6), last: name(1, 6) };
        await writeNote(repository, system, { subject: walSubject(1), kind: 'wal-lost', body }, signal);
        await archiveSegment(repository, 1, 9n);
        assert.deepEqual(await ask(name(1, 6)), { outcome: 'absent' });
      });

      it('but not on the way to another timeline', async () => {
        await accept(6n, 7n);
        await archiveFile(repository, '00000002.history', '1\t0/880000\tfailover\n');
        await fails(askBriefly(name(1, 6), { timeline: 2 }), 'wal-missing', /is missing/);
      });

      it('and not by a note of somebody whom the configuration does not trust', async () => {
        const archive = await makeSignedArchive();
        const signed = archive.as('require');
        for (const segment of [5n, 9n]) await archiveSegment(signed, 1, segment);
        const note = acknowledgedGapNote({ timeline: 1, first: 6n, last: 8n }, geometry, by);
        await writeNote(archive.as('off', { keys: { signingKey: undefined } }), system, note, signal);
        await fails(askBriefly(name(1, 6), { repositories: [signed] }), 'wal-missing', /is missing/);
        const open = [archive.as('off')];
        assert.deepEqual(await askBriefly(name(1, 6), { repositories: open }), { outcome: 'absent' });
      });

      it('while another required repository is unreachable', async () => {
        await accept(6n, 7n);
        const second = breakGet(await makeRepository({ name: 'second' }), 'unreachable');
        await fails(
          askBriefly(name(1, 6), { repositories: [repository, second] }),
          'unreachable',
          /on purpose/,
        );
      });
    });

    it('without the repository marker', async () => {
      await archiveSegment(repository, 1, 5n);
      await repository.store.delete([markerKey], { signal });
      await fails(askBriefly(name(1, 6)), 'not-a-repository', /not a walvault repository/);
    });

    it('in a repository of another id', async () => {
      await fails(
        askBriefly(name(1, 6), { repositories: [{ ...repository, expectedId: 'other' }] }),
        'not-a-repository',
        /expects other/,
      );
    });

    it('where nothing of this system was ever archived', async () => {
      await repository.store.delete([clusterRecordKey(system)], { signal });
      await fails(askBriefly(name(1, 6)), 'wal-missing', /nothing of system/);
    });

    for (const [kind, code] of [
      ['unreachable', 'unreachable'],
      ['throttled', 'unreachable'],
      ['denied', 'denied'],
      ['cold', 'cold-tier'],
      ['no-container', 'not-a-repository'],
      ['local-io', 'local-io'],
    ] as const) {
      it(`when the store is ${kind}`, async () => {
        await fails(
          askBriefly(name(1, 6), { repositories: [breakGet(repository, kind)] }),
          code,
          /on purpose/,
        );
        await fails(
          askBriefly('00000002.history', { repositories: [breakGet(repository, kind)] }),
          code,
          /on purpose/,
        );
      });
    }
  });

  it('answers a hole with absent, loudly, on a standby and where a target is set', async () => {
    await archiveSegment(repository, 1, 7n);
    assert.deepEqual(await askBriefly(name(1, 6), { mode: 'standby' }), { outcome: 'absent' });
    assert.deepEqual(await askBriefly(name(1, 6), { isTargetSet: true }), { outcome: 'absent' });
    assert.equal(events.filter(({ level }) => level === 'error').length, 2);
  });

  it('leaves a hole to PostgreSQL when pg_wal has the whole segment', async () => {
    await archiveSegment(repository, 1, 7n);
    const whole = wholeSegment(6n);
    for (const [what, content] of [
      ['cut', whole.subarray(0, 9000)],
      ['streamed in part', Buffer.concat([whole.subarray(0, 128 * 1024)], segmentSizeBytes)],
    ] as const) {
      writeFileSync(join(directory, name(1, 6)), content);
      await fails(askBriefly(name(1, 6)), 'wal-missing', /later segments/).catch((error: unknown) =>
        assert.fail(`${what}: ${String(error)}`),
      );
    }
    for (const content of [whole, switchedSegment(6n)]) {
      writeFileSync(join(directory, name(1, 6)), content);
      assert.deepEqual(await ask(name(1, 6)), { outcome: 'absent' });
    }
  });

  it('sees a hole before the point at which a timeline left that only pg_wal knows', async () => {
    await archiveSegment(repository, 1, 5n);
    writeFileSync(join(directory, '00000002.history'), '1\t0/780000\tfailover\n');
    for (const timeline of [undefined, 2])
      await fails(askBriefly(name(1, 6), { timeline }), 'wal-missing', /timeline 2 left timeline 1/);
  });

  describe('on a branch', () => {
    beforeEach(async () => {
      for (const number of [5n, 6n, 7n, 8n]) await archiveSegment(repository, 1, number);
      await archiveFile(repository, '00000002.history', '1\t0/680000\tfailover\n');
    });

    it("never serves the parent's segments past the switchpoint", async () => {
      for (const number of [6n, 7n]) await archiveSegment(repository, 2, number);
      assert.equal((await ask(name(1, 5), { timeline: 2 })).outcome, 'delivered');
      assert.equal((await ask(name(2, 6), { timeline: 2 })).outcome, 'delivered');
      assert.equal((await ask(name(2, 8), { timeline: 2 })).outcome, 'absent');
      assert.equal((await ask(name(1, 8), { timeline: 2 })).outcome, 'absent');
      assert.equal((await ask(name(1, 8), { timeline: 1 })).outcome, 'delivered');
    });

    it("demands the child's own copy of the segment that holds the switchpoint", async () => {
      await fails(
        askBriefly(name(1, 6), { timeline: 2 }),
        'wal-missing',
        /follows timeline 2, whose own copy 000000020000000000000006 is not archived/,
      );
      assert.equal((await ask(name(1, 6), { timeline: 2, mode: 'standby' })).outcome, 'delivered');
    });

    it("ends a recovery that asks for the parent's copy though its own is archived", async () => {
      await archiveSegment(repository, 2, 6n);
      const both = { timeline: 2, isTargetSet: true };
      await fails(askBriefly(name(1, 6), { ...both }), 'refused', /is to follow timeline 2/);
    });

    it("ends a recovery that would read the parent's segment in pg_wal past the switchpoint", async () => {
      for (const number of [6n, 8n]) {
        const made = { timeline: 1, number, systemId: system.systemId, segmentSizeBytes };
        writeFileSync(join(directory, name(1, Number(number))), makeSegment(made));
        const both = { timeline: 2, isTargetSet: true };
        await fails(askBriefly(name(1, Number(number)), both), 'refused', /lies in pg_wal/);
      }
    });
  });

  describe('not told its timeline, with the history of a child in pg_wal', () => {
    beforeEach(async () => {
      for (const number of [5n, 6n, 7n, 8n]) await archiveSegment(repository, 1, number);
      writeFileSync(join(directory, '00000002.history'), '1\t0/680000\tfailover\n');
    });

    const replayed = (timeline: number, number: bigint) =>
      writeFileSync(
        join(directory, name(timeline, Number(number))),
        makeSegment({ timeline, number, systemId: system.systemId, segmentSizeBytes }),
      );
    const told = [undefined, 1];

    it('serves what comes before the switchpoint', async () => {
      assert.equal((await ask(name(1, 5))).outcome, 'delivered');
    });

    for (const mode of ['point-in-time', 'standby'] as const) {
      it(`serves the parent's when that is what was replayed past the switchpoint (${mode})`, async () => {
        replayed(1, 7n);
        for (const timeline of told)
          assert.equal((await ask(name(1, 8), { mode, timeline })).outcome, 'delivered');
      });

      it(`serves the parent's when pg_control lies past the switchpoint (${mode})`, async () => {
        const reached = [{ timeline: 1, lsn: 0x680000n }];
        for (const timeline of told)
          assert.equal((await ask(name(1, 7), { mode, timeline, reached })).outcome, 'delivered');
      });

      it(`serves the parent's where the child's own has long been there (${mode})`, async () => {
        for (const number of [6n, 7n]) await archiveSegment(repository, 2, number);
        const hourAgo = new Date(Date.now() - 3600_000);
        const old: typeof repository.store.head = async (key, options) => {
          const stat = await repository.store.head(key, options);
          return stat && { ...stat, modified: hourAgo };
        };
        const repositories = [{ ...repository, store: overrideStore(repository.store, { head: old }) }];
        for (const number of [6, 7])
          assert.equal((await ask(name(1, number), { mode, repositories })).outcome, 'delivered');
      });
    }

    it("never serves the parent's when the child's was replayed, whatever restore_command says", async () => {
      replayed(2, 7n);
      for (const timeline of told)
        assert.equal((await ask(name(1, 8), { mode: 'standby', timeline })).outcome, 'absent');
      assert.equal((await ask(name(1, 8))).outcome, 'absent');
      await fails(askBriefly(name(1, 8), { timeline: 1 }), 'refused', /restore_command has --timeline 1/);
    });

    it("never serves the parent's when pg_control is on the child's", async () => {
      const reached = [{ timeline: 2, lsn: 0x680028n }];
      assert.equal((await ask(name(1, 7), { mode: 'standby', reached, timeline: 1 })).outcome, 'absent');
      assert.equal((await ask(name(1, 7), { reached })).outcome, 'absent');
    });

    it('does not guess: a point-in-time recovery ends, a standby asks again', async () => {
      await archiveSegment(repository, 2, 6n);
      for (const number of [6, 7]) {
        await fails(askBriefly(name(1, number)), 'refused', /by 00000002.history in pg_wal .* may follow/);
        assert.equal((await ask(name(1, number), { mode: 'standby' })).outcome, 'absent');
        assert.equal((await ask(name(1, number), { mode: 'standby', timeline: 1 })).outcome, 'absent');
        assert.match(events.at(-1)?.message ?? '', /is not served: by 00000002.history/);
        assert.equal((await ask(name(1, number), { timeline: 1 })).outcome, 'delivered');
        assert.equal((await ask(name(1, number), { mode: 'none' })).outcome, 'delivered');
        rmSync(destination);
      }
      assert.deepEqual(await ask(name(1, 9)), { outcome: 'absent' }, 'there is nothing to serve');
    });

    it('takes no recycled segment for one that was replayed', async () => {
      replayed(1, 3n);
      renameSync(join(directory, name(1, 3)), join(directory, name(1, 7)));
      await fails(askBriefly(name(1, 8)), 'refused', /may follow timeline 2/);
    });
  });

  describe('with several repositories', () => {
    let second: Repository;
    beforeEach(async () => {
      second = await makeRepository({ name: 'second' });
      await archiveSegment(repository, 1, 5n);
    });

    it('goes on after a damaged copy', async () => {
      const key = walKey(system, walFile(name(1, 5)));
      const damaged = Buffer.from(await bytesOf(repository, key));
      damaged.writeUInt8(damaged.readUInt8(damaged.length >> 1) ^ 1, damaged.length >> 1);
      const metadata = (await repository.store.head(key, { signal }))?.metadata;
      await repository.store.put(key, [damaged], { ifAbsent: false, objectClass: 'wal', metadata, signal });
      await fails(askBriefly(name(1, 5), { timeoutMs: 1500 }), 'damaged', /./);
      await archiveSegment(second, 1, 5n);
      assert.deepEqual(await ask(name(1, 5), { repositories: [repository, second] }), {
        outcome: 'delivered',
        repository: 'second',
      });
    });

    it('says absent only when all required ones do', async () => {
      assert.equal((await ask(name(1, 6), { repositories: [repository, second] })).outcome, 'absent');
      await fails(
        askBriefly(name(1, 6), { repositories: [repository, breakGet(second, 'unreachable')] }),
        'unreachable',
        /^repository "second": .*on purpose/,
      );
      const bestEffort = { ...breakGet(second, 'unreachable'), required: false };
      assert.equal((await ask(name(1, 6), { repositories: [repository, bestEffort] })).outcome, 'absent');
    });

    it('sees a hole that another one proves', async () => {
      await archiveSegment(second, 1, 9n);
      await fails(
        askBriefly(name(1, 6), { repositories: [repository, second] }),
        'wal-missing',
        /later segments/,
      );
    });
  });

  it('takes an empty, cut or foreign object in the place of a segment for damage, not for another cluster', async () => {
    const key = walKey(system, walFile(name(1, 5)));
    const whole = makeSegment({ timeline: 1, number: 5n, systemId: system.systemId, segmentSizeBytes });
    for (const junk of [
      Buffer.alloc(0),
      Buffer.from('<html><body>503 Service Unavailable</body></html>'),
      Buffer.from('\nj{"error": "a proxy that says a lot of things without any meaning"}'),
      Buffer.alloc(segmentSizeBytes),
      whole.subarray(0, 500_000),
    ]) {
      await repository.store.put(key, [junk], { ifAbsent: false, objectClass: 'wal', signal });
      await fails(askBriefly(name(1, 5)), 'damaged', /000000010000000000000005: it/);
    }
    await archiveSegment(repository, 1, 6n);
    const second = await makeRepository({ name: 'second' });
    await archiveSegment(second, 1, 5n);
    assert.equal((await ask(name(1, 5), { repositories: [repository, second] })).outcome, 'delivered');
  });

  it('refuses a segment of another system or another name', async () => {
    const store = async (made: Buffer) => {
      const key = walKey(system, walFile(name(1, 5)));
      await repository.store.put(key, [made], { ifAbsent: false, objectClass: 'wal', signal });
    };
    await store(makeSegment({ timeline: 1, number: 5n, systemId: 42n, segmentSizeBytes }));
    await fails(ask(name(1, 5)), 'invalid-file', /system identifier 42/);
    await store(makeSegment({ timeline: 1, number: 6n, systemId: system.systemId, segmentSizeBytes }));
    await fails(ask(name(1, 5)), 'invalid-file', /its name means/);
  });

  it('leaves an existing destination alone when it fails', async () => {
    writeFileSync(destination, 'before');
    await archiveSegment(repository, 1, 7n);
    await assert.rejects(askBriefly(name(1, 6)));
    assert.equal(readFileSync(destination, 'utf8'), 'before');
    assert.ok(existsSync(destination));
  });
});

/** Records all over it, the last one going on in the next segment. */
function wholeSegment(number: bigint): Buffer {
  const writer = writerAt(number);
  const record = { resourceManager: 10, info: 0, transactionId: 3, body: bodyOf(Buffer.alloc(300_000, 7)) };
  while (writer.bytes.length <= segmentSizeBytes) writer.record(record);
  return ofThisSystem(writer.bytes.subarray(0, segmentSizeBytes));
}

/** Zeros after its one record, because the segment was changed (pg_switch_wal). */
function switchedSegment(number: bigint): Buffer {
  const writer = writerAt(number);
  writer.record({ resourceManager: 0, info: 0x40, transactionId: 0, body: new Uint8Array(0) });
  return ofThisSystem(writer.bytes);
}

function writerAt(number: bigint): WalWriter {
  return new WalWriter(number * BigInt(segmentSizeBytes), segmentSizeBytes);
}

function ofThisSystem(segment: Buffer): Buffer {
  segment.writeBigUInt64LE(system.systemId, 24);
  return segment;
}

async function bytesOf(target: Repository, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await target.store.get(key, { signal })).body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a file that arrives slowly', () => {
  /** A store that hands out an object in ten pieces with a pause before each. */
  function inPieces(pauseMs: (piece: number) => number): Repository {
    const { store } = repository;
    const get: typeof store.get = async (key, options) => {
      const found = await store.get(key, options);
      if (!key.includes('/wal/')) return found;
      const whole = await collect(found.body, segmentSizeBytes * 2);
      async function* body() {
        const size = Math.ceil(whole.length / 10);
        for (let piece = 0; piece < 10; piece++) {
          await sleep(pauseMs(piece), options.signal);
          yield whole.subarray(piece * size, (piece + 1) * size);
        }
      }
      return { ...found, body: body() };
    };
    return { ...repository, store: overrideStore(store, { get }) };
  }

  for (const mode of ['point-in-time', 'standby'] as const)
    it(`is delivered though it takes longer than fetch waits in silence (${mode})`, async () => {
      await archiveSegment(repository, 1, 5n);
      assert.deepEqual(await ask(name(1, 5), { mode, repositories: [inPieces(() => 60)] }), {
        outcome: 'delivered',
        repository: 'main',
      });
    });

  it('is given up when it stops arriving', async () => {
    await archiveSegment(repository, 1, 5n);
    const stalling = inPieces(piece => (piece < 8 ? 10 : 600_000));
    await fails(
      askBriefly(name(1, 5), { repositories: [stalling] }),
      'unreachable',
      /no answer within 600 ms/,
    );
  });

  it('is not read for ever when it is damaged', async () => {
    await archiveSegment(repository, 1, 5n);
    const key = walKey(system, walFile(name(1, 5)));
    const { stat } = await repository.store.get(key, { signal });
    const junk = Buffer.alloc(stat.sizeBytes, 7);
    await repository.store.put(key, [junk], {
      ifAbsent: false,
      objectClass: 'wal',
      metadata: stat.metadata,
      signal,
    });
    await fails(askBriefly(name(1, 5), { repositories: [inPieces(() => 60)] }), 'damaged', /./);
  });
});
