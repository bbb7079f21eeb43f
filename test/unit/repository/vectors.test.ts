/** The test vectors of the format (`test/vectors/README.md`), read by the code that reads repositories. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'vitest';
import { readVector, repositoryWith, vectorNames, type Vector } from '../../support/vectors/vector.ts';
import { WalGeometry } from '../../../src/postgres/wal/geometry.ts';
import { collect, streamOf } from '../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../src/base/errors/errors.ts';
import { parseTimelineHistory } from '../../../src/postgres/wal/timeline-history.ts';
import { readCatalog } from '../../../src/repository/format/catalog.ts';
import { readClusterRecord } from '../../../src/repository/format/cluster-record.ts';
import { readManifest } from '../../../src/repository/format/manifest.ts';
import { verifyMarker } from '../../../src/repository/format/marker.ts';
import { notesPrefix } from '../../../src/repository/format/layout.ts';
import { parseHighWater } from '../../../src/repository/format/notes/high-water.ts';
import { noteEntriesIn, readNote } from '../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { surveySystem } from '../../../src/repository/survey.ts';
import { openWalObject } from '../../../src/repository/wal/read-object.ts';

const signal = new AbortController().signal;
const system = { cluster: 'orders', systemId: 7_300_000_000_000_000_001n };

/** What a signed object's reader reports beside its content. */
class BadSignature extends Error {}

function requireGood({ status }: { readonly status: string } = { status: 'missing' }): void {
  if (status !== 'good') throw new BadSignature(status);
}

const readers: Readonly<Record<string, (vector: Vector, repository: Repository) => Promise<void>>> = {
  async 'wal-object'({ key, header }, repository) {
    const { plain } = await openWalObject(repository, key, { limitBytes: 1024 ** 2, signal });
    const content = await collect(plain, 1024 ** 2);
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    if (header['digest'] !== undefined) assert.equal(digest, header['digest']);
    assert.ok(content.length > 0);
  },
  async marker(_, repository) {
    await verifyMarker(repository, signal);
  },
  async 'cluster-record'(_, { store }) {
    assert.ok((await readClusterRecord(store, system, signal)) !== undefined);
  },
  async 'backup-record'(_, repository) {
    const { backups, unreadable } = await readCatalog(repository, system, signal);
    const [problem] = unreadable;
    if (problem !== undefined) throw new WalvaultError('damaged', problem.problem);
    requireGood(backups[0]?.verdict);
  },
  async note(_, repository) {
    for (const entry of await noteEntriesIn(repository.store.list({ prefix: notesPrefix(system), signal })))
      await readNote(repository, entry, signal);
    const [lost] = await surveySystem(repository, system, signal).lostWal(new WalGeometry(1024 ** 2));
    requireGood(lost?.verdict);
  },
  // Its key tells the position; whether it counts is the policy's decision.
  async 'high-water'(_, { store }) {
    const [entry] = await noteEntriesIn(store.list({ prefix: notesPrefix(system), signal }));
    const note = entry && parseHighWater(entry, new WalGeometry(1024 ** 2));
    assert.equal(note?.segment, 0x400n);
  },
  async acknowledgement(_, repository) {
    const [gap] = await surveySystem(repository, system, signal).acknowledgedGaps(new WalGeometry(1024 ** 2));
    if (gap === undefined) throw new BadSignature('it does not count');
    assert.deepEqual([gap.first, gap.last, gap.user], [0x14n, 0x15n, 'alice']);
  },
  async verified(_, repository) {
    const survey = surveySystem(repository, system, signal);
    const [range] = await survey.verifiedWal(new WalGeometry(1024 ** 2));
    if (range === undefined) throw new BadSignature('it does not count');
    assert.deepEqual([range.timeline, range.first, range.last, range.depth], [1, 0x14n, 0x15n, 'decoded']);
  },
  async anomaly(_, repository) {
    const [found] = await surveySystem(repository, system, signal).anomalies();
    if (found === undefined) throw new BadSignature('it does not count');
    const [backup, [anomaly]] = found;
    assert.equal(backup, '20261122T020000Z-full-3f2a91');
    assert.deepEqual([anomaly?.measure, anomaly?.value, anomaly?.usual], ['ratio', 1020, 4100]);
  },
  async pin(_, repository) {
    const [pin] = [...(await surveySystem(repository, system, signal).pins(new Date(0))).values()].flat();
    assert.deepEqual([pin?.id, pin?.user, pin?.note], ['5c0a91d2', 'alice', 'audit 2026, ticket 1234']);
  },
  async unpin(_, repository) {
    const pin = readVector('note-pin.txt');
    await repository.store.put(pin.key, [pin.body], {
      ifAbsent: true,
      objectClass: 'wal',
      sizeBytes: pin.body.length,
      sha256: createHash('sha256').update(pin.body).digest('hex'),
      signal,
    });
    const { size } = await surveySystem(repository, system, signal).pins(new Date(0));
    if (size > 0) throw new BadSignature('it does not count');
  },
  async expiring(_, repository) {
    const [id] = await surveySystem(repository, system, signal).expiring();
    if (id === undefined) throw new BadSignature('it does not count');
    assert.equal(id, '20261122T020000Z-full-3f2a91');
  },
  async 'wal-removed'(_, repository) {
    const [range] = await surveySystem(repository, system, signal).removedWal(new WalGeometry(1024 ** 2));
    if (range === undefined) throw new BadSignature('it does not count');
    assert.deepEqual([range.timeline, range.first, range.last], [1, 0x14n, 0x15n]);
  },
  async 'believed-high-water'(_, repository) {
    const [highest] = await surveySystem(repository, system, signal).highWater(new WalGeometry(1024 ** 2));
    if (highest === undefined) throw new BadSignature('it does not count');
    assert.equal(highest.segment, 0x400n);
  },
  async 'verified-parts'(_, repository) {
    const [one] = await surveySystem(repository, system, signal).verifiedParts();
    if (one === undefined) throw new BadSignature('it does not count');
    assert.deepEqual(
      [one.backup, one.depth, one.parts],
      [
        '20261122T020000Z-full-3f2a91',
        'stored',
        [
          [1, 3],
          [5, 5],
        ],
      ],
    );
  },
  async 'verified-run'(_, repository) {
    const { last, lastSound } = await surveySystem(repository, system, signal).lastVerifications();
    if (last === undefined) throw new BadSignature('it does not count');
    assert.deepEqual(
      [last.depth, last.damaged, last.warnings, last.segmentCount, last.partCount],
      ['decoded', 0, 2, 14, 5],
    );
    assert.deepEqual(lastSound, last);
  },
  async 'restore-point'(_, repository) {
    const [point] = await surveySystem(repository, system, signal).restorePoints();
    assert.deepEqual([point?.name, point?.timeline, point?.lsn], ['before-migration-42', 1, 0x14000168n]);
  },
  // It holds its backup in any case, and longer where it is proven.
  async 'restore-claim'({ signature }, repository) {
    const [restore] = await surveySystem(repository, system, signal).restoresInProgress(new Date());
    assert.deepEqual(
      [restore?.stage, restore?.firstSegment, restore?.doneBytes, restore?.isProven],
      ['unpacking', '000000010000000000000014', 1_048_576, signature !== undefined],
    );
  },
  async manifest({ key, body }) {
    const id = /backups\/([^/]+)/.exec(key)?.[1] ?? '';
    for await (const { path } of readManifest(streamOf(body), id)) assert.ok(path !== '');
  },
  async history({ key, body }) {
    assert.ok(parseTimelineHistory(0xffff_ffff, body.toString('utf8'), key).length > 0);
  },
};

async function outcomeOf(vector: Vector): Promise<string> {
  const read = readers[vector.header['read-as'] ?? ''];
  assert.ok(read !== undefined, `nothing reads ${vector.header['read-as']}`);
  try {
    await read(vector, await repositoryWith(vector));
    return 'success';
  } catch (error) {
    if (error instanceof BadSignature) return 'bad signature';
    if (!(error instanceof WalvaultError)) throw error;
    if (error.code === 'key') return 'no key';
    if (error.code === 'not-a-repository') return 'foreign';
    if (error.code !== 'damaged') throw error;
    if (/signature|signed/.test(error.message)) return 'bad signature';
    return /another|belongs to|is not the manifest of/.test(error.message) ? 'foreign' : 'damaged';
  }
}

const names = vectorNames();
assert.ok(names.length >= 90, `${names.length} vectors`);

for (const name of names) {
  const vector = readVector(name);
  test(`${name}: ${vector.header['comment']} Expected: ${vector.header['expect']}`, async () => {
    assert.equal(await outcomeOf(vector), vector.header['expect']);
  });
}
