/** What a verification notes of what it has read, who believes it, and what a host without a key can tell. */
import assert from 'node:assert/strict';
import { beforeAll, describe, it } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import type { Event } from '../../../../src/observe/events/events.ts';
import { readerHere, type DataReader } from '../../../../src/operations/verify/data-reader.ts';
import { verify } from '../../../../src/operations/verify/verify.ts';
import { backupPrefix, notesPrefix, partIndexKey, walKey } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { geometry, signal, system } from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import {
  ArchiveFiles,
  copyOf,
  fillArchive,
  makeArchiveKeys,
  newer,
  older,
  openArchive,
  writeIndexes,
  type ArchiveKeys,
  type OpenOptions,
} from '../../../support/verified-archive.ts';

const root = temporaryDirectory('verify-remember', { keepOwner: true });
const monthMs = 30 * 24 * 3_600_000;
let keys: ArchiveKeys;

beforeAll(async () => {
  keys = await makeArchiveKeys({ isEncrypted: true });
  await fillArchive(await openArchive(root, keys));
});

interface Run {
  readonly percent?: number;
  readonly againAfterMs?: number;
  readonly readsData?: boolean;
}

/** Reads data, and tells which segments and parts were read. */
async function night(
  repository: Repository,
  { percent, againAfterMs = monthMs, readsData = true }: Run = {},
) {
  const read: string[] = [];
  const reader: DataReader = {
    jobs: 1,
    segments(from, task, stop) {
      read.push(`${task.range.timeline}: ${task.range.first} to ${task.range.last}`);
      return readerHere.segments(from, task, stop);
    },
    part(from, task, stop) {
      read.push(`${task.backup.id} ${task.part.number}`);
      return readerHere.part(from, task, stop);
    },
  };
  const events: Event[] = [];
  const codec = { emit: (event: Event) => void events.push(event) };
  const [result] = await verify({
    repositories: [repository],
    all: [repository],
    cluster: system.cluster,
    systemId: undefined,
    data: readsData ? { reader, percent, againAfterMs } : undefined,
    isRepairing: false,
    now: new Date(),
    log: codec,
    signal,
  });
  assert.equal(result?.problem, undefined);
  const findings = result?.systems.flatMap(one => one.findings) ?? [];
  const told = events.filter(({ kind }) => kind !== 'progress').map(({ kind }) => kind);
  return { read, findings, told, data: result?.systems[0]?.data };
}

async function archive(options: OpenOptions = {}) {
  const directory = copyOf(root);
  const repository = await openArchive(directory, keys, { keys: keys.reader, ...options });
  return { directory, repository, files: new ArchiveFiles(directory) };
}

describe('a verification', () => {
  it('reads in the next night what is new, and all of it when asked to', async () => {
    const { repository } = await archive();
    const first = await night(repository);
    assert.ok(first.read.includes('1: 1 to 8') && first.read.includes('2: 9 to 14'));
    assert.equal(first.data?.depth, 'decoded');
    assert.deepEqual((await night(repository)).read, []);
    assert.equal((await night(repository, { againAfterMs: 0 })).read.length, first.read.length);
  });

  it('tells readers when it looked last, how deep, and with which result', async () => {
    const { repository, files } = await archive();
    await night(repository);
    files.flip(walKey(system, geometry.fileOf(1, 6n)));
    await night(repository, { againAfterMs: 0 });
    const survey = surveySystem(repository, system, signal);
    const { last, lastSound } = await survey.lastVerifications();
    assert.deepEqual([last?.damaged, last?.depth, last?.segmentCount], [1, 'decoded', 14]);
    assert.equal(lastSound?.damaged, 0);
    const ranges = await survey.verifiedWal(geometry);
    assert.ok(ranges.some(({ timeline, first, last: end }) => timeline === 1 && first === 1n && end === 5n));
    const parts = (await survey.verifiedParts()).filter(({ backup }) => backup === newer);
    assert.deepEqual(parts[0]?.parts, [[0, 2]], 'with its name map');
    assert.deepEqual(await survey.verifiedWal(geometry, new Date(Date.now() + 1000)), []);
  });

  it('finds damaged data again each night', async () => {
    const { repository, files } = await archive();
    files.flip(walKey(system, geometry.fileOf(1, 6n)));
    for (let count = 0; count < 2; count++)
      assert.deepEqual(
        (await night(repository)).findings.map(({ kind }) => kind),
        ['wal-bytes-changed'],
      );
  });

  it('finds damage again that it found in what was noted as sound, in segments and parts', async () => {
    const { repository, files } = await archive();
    await night(repository);
    files.flip(walKey(system, geometry.fileOf(1, 6n)));
    files.flip(`${backupPrefix(system, newer)}parts/000001.tar.zst.pgp`);
    assert.deepEqual((await night(repository)).findings, []);
    for (const againAfterMs of [0, monthMs])
      assert.deepEqual(
        (await night(repository, { againAfterMs })).findings.map(({ kind }) => kind),
        ['wal-bytes-changed', 'part-bytes-changed'],
      );
  });

  it('finds a damaged name map or index again each night, and reads no part again for it', async () => {
    const { repository, files } = await archive();
    await writeIndexes(repository, older);
    files.flip(`${backupPrefix(system, newer)}names.ndjson.zst.pgp`);
    files.flip(partIndexKey(system, older, 2));
    const found = ['part-index-damaged', 'name-map-damaged'];
    const kinds = ({ findings }: Awaited<ReturnType<typeof night>>) => findings.map(({ kind }) => kind);
    assert.deepEqual(kinds(await night(repository)).toSorted(), found.toSorted());
    const second = await night(repository);
    assert.deepEqual([kinds(second).toSorted(), second.read], [found.toSorted(), []]);
    files.remove(partIndexKey(system, older, 2));
    files.flip(`${backupPrefix(system, newer)}names.ndjson.zst.pgp`);
    for (let count = 0; count < 2; count++) assert.deepEqual(kinds(await night(repository)), []);
    files.flip(`${backupPrefix(system, newer)}names.ndjson.zst.pgp`);
    assert.deepEqual(kinds(await night(repository)), [], 'it is not due yet');
    assert.deepEqual(kinds(await night(repository, { againAfterMs: 0 })), ['name-map-damaged']);
  });

  it('says nothing of indexes that another host has sealed', async () => {
    const { directory, repository } = await archive();
    await writeIndexes(repository, newer);
    const other = { hostSecret: new Secret('07'.repeat(32)) };
    for (const more of [other, { hostSecret: undefined }]) {
      const elsewhere = await openArchive(directory, keys, { keys: { ...keys.reader, ...more } });
      assert.deepEqual((await night(elsewhere, { againAfterMs: 0 })).findings, []);
    }
  });

  it('covers everything in shares, those first that were never read', async () => {
    const { repository } = await archive();
    const all = new Set<string>();
    for (let count = 0; count < 4; count++)
      for (const one of (await night(repository, { percent: 25 })).read) {
        assert.ok(!all.has(one) || one.endsWith(' 2'), `${one} twice`);
        all.add(one);
      }
    assert.deepEqual((await night(repository, { percent: 25 })).read, []);
  });

  it('believes no note that nobody trusted has signed', async () => {
    const { directory, repository } = await archive();
    const stranger = await openArchive(directory, keys, {
      keys: { ...keys.reader, signingKey: undefined, trustedSigners: [] },
      policy: 'off',
    });
    await night(stranger);
    assert.ok((await night(repository)).read.length > 0);
    const { last } = await surveySystem(stranger, system, signal).lastVerifications();
    assert.equal(last?.damaged, 0);
  });

  it('says that it cannot note anything that counts', async () => {
    const { repository, directory } = await archive({ keys: { ...keys.reader, signingKey: undefined } });
    const { told } = await night(repository);
    assert.deepEqual(told, ['verification-not-noted']);
    assert.deepEqual(
      (await night(repository, { readsData: false })).told,
      [],
      'where nothing was read, nothing is lost',
    );
    const notes = await Array.fromAsync(
      repository.store.list({ prefix: notesPrefix(system, newer), signal }),
    );
    assert.deepEqual(notes, [], directory);
  });

  it('compares stored bytes where it has no key, and says so', async () => {
    const { directory, repository } = await archive({ keys: {} });
    const first = await night(repository);
    assert.deepEqual(
      [first.findings, first.told, first.data?.depth],
      [[], ['content-not-decoded'], 'stored'],
    );
    const reader = await openArchive(directory, keys, { keys: keys.reader });
    assert.ok((await night(reader)).read.length > 0, 'what was compared is not what was decoded');
    const files = new ArchiveFiles(directory);
    files.flip(walKey(system, geometry.fileOf(1, 6n)));
    files.flip(`${backupPrefix(system, newer)}parts/000001.tar.zst.pgp`);
    assert.deepEqual(
      (await night(repository, { againAfterMs: 0 })).findings.map(({ kind }) => kind).toSorted(),
      ['part-bytes-changed', 'wal-bytes-changed'],
    );
  });
});
