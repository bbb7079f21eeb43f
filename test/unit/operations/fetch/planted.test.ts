/** Fetches from repositories where somebody has planted WAL, and that require signatures. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, it } from 'vitest';
import { fetch, type FetchResult } from '../../../../src/operations/fetch/fetch.ts';
import { fetchAhead } from '../../../../src/operations/fetch/fetch-ahead.ts';
import { Laggards } from '../../../../src/operations/fetch/laggards.ts';
import type { FetchOptions } from '../../../../src/operations/fetch/options.ts';
import { clusterRecordKey, historyKey, walKey } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import {
  claimingMetadata,
  makeSignedArchive,
  plant,
  type SignedArchive,
} from '../../../support/hostile/archive.ts';
import { recordingLog } from '../../../support/site/backup-fixtures.ts';
import {
  archiveFile,
  archiveSegment,
  geometry,
  makeRepository,
  overrideStore,
  segmentSizeBytes,
  signal,
  system,
} from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { makeSegment, walFile } from '../../../support/wal/wal.ts';

let archive: SignedArchive;
let required: Repository;
let destination: string;
let log = recordingLog();

beforeEach(async () => {
  const directory = join(temporaryDirectory('fetch', { keepOwner: true }), 'pg_wal');
  mkdirSync(directory);
  destination = join(directory, 'RECOVERYXLOG');
  log = recordingLog();
  archive = await makeSignedArchive();
  required = archive.as('require', { log });
  await archiveSegment(required, 1, 5n);
});

const nameOf = (segment: bigint) => geometry.nameOf(1, segment);
const keyOf = (segment: bigint) => walKey(system, walFile(nameOf(segment)));
/** A whole segment, as a rogue server of the same system would archive it. */
const whole = makeSegment({ timeline: 1, number: 6n, systemId: system.systemId, segmentSizeBytes });
/** The head of an encrypted message, and nothing that can be read. */
const sealed = Buffer.concat([Buffer.of(0xc1, 0xc0, 0x4c, 3), Buffer.alloc(500, 7)]);

function ask(segment: bigint, options: Partial<FetchOptions> = {}): Promise<FetchResult> {
  return fetch({
    name: nameOf(segment),
    destination,
    system,
    geometry,
    mode: 'point-in-time',
    reached: [],
    timeline: undefined,
    isTargetSet: false,
    repositories: [required],
    headerCheck: true,
    timeoutMs: 600,
    standbyTimeoutMs: 600,
    log,
    signal,
    ...options,
  });
}

describe.each([
  ['a whole segment', whole, claimingMetadata(whole, whole)],
  ['a few bytes', Buffer.from('8 bytes!'), undefined],
  ['an encrypted message for nobody', sealed, claimingMetadata(sealed, whole)],
])('%s, planted at the end of the archive', (_, body, metadata) => {
  beforeEach(() => plant(required, keyOf(6n), body, metadata && { metadata }));

  it('is passed over, and told once: the archive ends before it', async () => {
    assert.deepEqual(await ask(6n), { outcome: 'absent' });
    assert.deepEqual(await ask(6n, { mode: 'standby' }), { outcome: 'absent' });
    const told = log.events.filter(({ message }) => message.includes('for nothing'));
    assert.equal(told.length, 1, JSON.stringify(log.events));
  });

  it('is a gap before WAL that was archived', async () => {
    await archiveSegment(required, 1, 7n);
    await assert.rejects(ask(6n), { code: 'wal-missing', message: /later segments of timeline 1/ });
  });

  it('keeps nobody from another repository that has the segment', async () => {
    const second = await makeRepository({ name: 'second' });
    const copy = { ...second, codec: required.codec };
    await archiveSegment(copy, 1, 6n);
    assert.deepEqual(await ask(6n, { repositories: [required, copy] }), {
      outcome: 'delivered',
      repository: 'second',
    });
  });
});

it('WAL that was planted beyond the end makes no gap', async () => {
  for (const segment of [8n, 9n]) await plant(required, keyOf(segment), whole);
  assert.deepEqual(await ask(6n), { outcome: 'absent' });
});

it('a history is not lost because somebody planted WAL or a history of a later timeline', async () => {
  await plant(required, walKey(system, walFile(geometry.nameOf(7, 9n))), whole);
  const history = Buffer.from('1\t0/F00000\tplanted\n');
  const metadata = claimingMetadata(history, history, { parent: 1, switchpoint: 0xf00000n });
  await plant(required, historyKey(system, 9), history, { metadata });
  assert.deepEqual(await ask(0n, { name: '00000005.history' }), { outcome: 'absent' });
});

it('a history is not lost, nor found, because of any number of planted timelines', async () => {
  for (let timeline = 7; timeline < 137; timeline++)
    await plant(required, walKey(system, walFile(geometry.nameOf(timeline, 9n))), 'junk');
  const history = (timeoutMs: number) => ask(0n, { name: '00000005.history', timeoutMs });
  assert.deepEqual(await history(20_000), { outcome: 'absent' });
  await archiveSegment(required, 140, 9n);
  await assert.rejects(history(2_000), { code: 'wal-missing', message: /WAL of timeline 140 is archived/ });
});

it('a partial that was planted later is not the one that a fetch by hand brings', async () => {
  const name = `${nameOf(6n)}.partial`;
  const key = (digest: string) => `${keyOf(6n)}.partial.${digest}`;
  assert.deepEqual(await ask(6n, { name, mode: 'none' }), { outcome: 'absent' });
  await plant(required, key('0000000000000001'), whole, { metadata: claimingMetadata(whole, whole) });
  await assert.rejects(ask(6n, { name, mode: 'none' }), { message: /not signed/ });
  await archiveFile(required, name, whole);
  const { store } = required;
  const plantedLast = overrideStore(store, {
    async *list(options) {
      for await (const entry of store.list(options))
        yield 'key' in entry && entry.key === key('0000000000000001')
          ? { ...entry, modified: new Date(Date.now() + 60_000) }
          : entry;
    },
  });
  const repositories = [{ ...required, store: plantedLast }];
  assert.equal((await ask(6n, { name, mode: 'none', repositories })).outcome, 'delivered');
});

it('what a trusted signer signed and somebody has changed is damaged, and no end', async () => {
  const { metadata = {} } = (await required.store.head(keyOf(5n), { signal })) ?? {};
  await plant(required, keyOf(5n), whole, { metadata, replace: true });
  await assert.rejects(ask(5n), { code: 'damaged' });
});

it('an encrypted segment is no end for a host that has no key to open it', async () => {
  const unsigned = archive.as('require', { keys: { ...archive.pushOnly, signingKey: undefined } });
  await archiveSegment(unsigned, 1, 6n);
  const keyless = archive.as('require', { keys: archive.pushOnly });
  await assert.rejects(ask(6n, { repositories: [keyless] }), { code: 'key' });
  const reader = archive.as('require', { keys: archive.reader });
  assert.deepEqual(await ask(6n, { repositories: [reader] }), { outcome: 'absent' });
});

it('a replaced or removed cluster.json stops no recovery', async () => {
  await plant(required, clusterRecordKey(system), '{"format":', { replace: true });
  assert.deepEqual(await ask(6n), { outcome: 'absent' });
  await required.store.delete([clusterRecordKey(system)], { signal });
  assert.deepEqual(await ask(6n), { outcome: 'absent' });
});

it("a proxy's page in the place of the last segment is no end", async () => {
  const { store } = required;
  const behindProxy = overrideStore(store, {
    get: async (key, options) => {
      if (key !== keyOf(5n)) return await store.get(key, options);
      const page = Buffer.from('<html>');
      const stat = { key, sizeBytes: page.length, modified: new Date(), metadata: {} };
      return { stat, body: Readable.from([page]) };
    },
  });
  const repositories = [{ ...required, store: behindProxy }];
  await assert.rejects(ask(5n, { repositories }), { code: 'unreachable', message: /is signed/ });
});

describe('WAL of which what precedes it is not believed either is no end of the archive', () => {
  it('where signing.trusted-signers lacks the key of the host that archived', async () => {
    const stranger = (await makeSignedArchive()).as('require');
    const theirs = { ...required, codec: stranger.codec };
    await archiveSegment(theirs, 1, 6n);
    await archiveSegment(theirs, 1, 7n);
    // Just behind believed WAL it may be planted.
    assert.deepEqual(await ask(8n), { outcome: 'absent' });
    await assert.rejects(ask(7n), {
      code: 'damaged',
      message: /signed by .*, which is not among the trusted signers/,
    });
    const withTheirKeys = [{ ...required, codec: stranger.codec }];
    await assert.rejects(ask(5n, { repositories: withTheirKeys }), { code: 'damaged' });
  });

  it('where the archive was begun without signatures', async () => {
    const unsigned = archive.as('off', { keys: { signingKey: undefined } });
    for (const segment of [20n, 21n]) await archiveSegment(unsigned, 1, segment);
    for (const segment of [20n, 21n])
      await assert.rejects(ask(segment), { code: 'damaged', message: /is not signed/ });
  });
});

it('prefetch hands on nothing that was planted, and fetches on', async () => {
  await plant(required, keyOf(6n), whole, { metadata: claimingMetadata(whole, whole) });
  const ahead = (segment: bigint) =>
    fetchAhead({
      name: nameOf(segment),
      destination,
      system,
      segmentSizeBytes,
      headerCheck: true,
      repositories: [required],
      laggards: new Laggards(),
      log,
      silenceMs: 5_000,
      signal,
    });
  assert.equal(await ahead(6n), undefined);
  assert.equal(existsSync(destination), false);
  assert.ok((await ahead(5n)) !== undefined);
});
