import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { listWal } from '../../../../src/repository/wal/list-wal.ts';
import { findMissing } from '../../../../src/repository/wal/listing.ts';
import { encodeWalObject, storeWalObject } from '../../../../src/repository/wal/write-object.ts';
import { walKey } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
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
import { StoreError } from '../../../../src/stores/store.ts';
import { makeSegment, plainFile, walFile } from '../../../support/wal/wal.ts';

const name = geometry.nameOf(1, 5n);
const key = walKey(system, walFile(name));
let repository: Repository;

beforeEach(async () => {
  repository = await makeRepository();
});

async function plant(body: Uint8Array, metadata?: Record<string, string>, at = key): Promise<void> {
  const given = metadata === undefined ? {} : { metadata };
  await repository.store.put(at, [body], { ifAbsent: false, objectClass: 'wal', signal, ...given });
}

describe('over an object that is damaged', () => {
  const whole = makeSegment({ timeline: 1, number: 5n, systemId: system.systemId, segmentSizeBytes });
  const junk = {
    'it is empty': Buffer.alloc(0),
    'it has 49 bytes': Buffer.from('<html><body>503 Service Unavailable</body></html>'),
    'it has 500000 bytes': whole.subarray(0, 500_000),
    'it is no WAL': Buffer.alloc(segmentSizeBytes),
  };
  for (const [problem, body] of Object.entries(junk))
    it(`a push says so, and how to heal it: ${problem}`, async () => {
      await plant(body);
      await assert.rejects(archiveSegment(repository, 1, 5n), {
        code: 'damaged',
        message: new RegExp(`${name} is there, but damaged: ${problem}`),
        hint: new RegExp(`^Remove it with \`walvault store rm --force ${key}\`: ${name} is then archived`),
      });
    });

  it('a cut object shows by its metadata, encrypted or not', async () => {
    await archiveSegment(repository, 1, 5n);
    const metadata = (await repository.store.head(key, { signal }))?.metadata ?? {};
    await plant(Buffer.alloc(100, 0xc1), metadata);
    await assert.rejects(archiveSegment(repository, 1, 5n, 99), {
      code: 'damaged',
      message: /\d+ bytes were written, and it has 100$/,
    });
  });

  it('another whole segment is a conflict', async () => {
    await archiveSegment(repository, 1, 5n);
    await assert.rejects(archiveSegment(repository, 1, 5n, 99), { code: 'conflict' });
  });
});

it('the same file again counts once it is durable: whoever gave it its name may have died before that', async () => {
  await archiveSegment(repository, 1, 5n);
  const { store } = repository;
  const synced: string[] = [];
  const onDisk = {
    ...repository,
    store: overrideStore(store, { makeDurable: async at => void synced.push(at) }),
  };
  await archiveSegment(onDisk, 1, 5n);
  assert.deepEqual(synced, [key]);
  const broken = new StoreError('local-io', 'fsync: input/output error');
  const failing = {
    ...repository,
    store: overrideStore(store, { makeDurable: () => Promise.reject(broken) }),
  };
  await assert.rejects(archiveSegment(failing, 1, 5n), broken);
});

it('an empty object is not listed as an archived segment', async () => {
  await archiveSegment(repository, 1, 4n);
  await plant(Buffer.alloc(0));
  await archiveSegment(repository, 1, 6n);
  const { runs, stretches } = await listWal(repository, system, geometry, { signal });
  assert.deepEqual(
    runs.map(({ first, last }) => [first, last]),
    [
      [4n, 4n],
      [6n, 6n],
    ],
  );
  assert.deepEqual(
    stretches.map(({ first, last }) => [first, last]),
    [[4n, 6n]],
    'it is an object all the same',
  );
  const range = { timeline: 1, first: 4n, last: 6n };
  const missing = await Array.fromAsync(findMissing(repository, system, range, { geometry, signal }));
  assert.deepEqual(missing, [{ timeline: 1, first: 5n, last: 5n }]);
});

describe('a history that is none', () => {
  const good = '1\t0/300000\tno recovery target specified\n';

  it('in pg_wal, beside a good one in the archive: the archived one is to be taken', async () => {
    await archiveFile(repository, '00000002.history', good);
    await assert.rejects(archiveFile(repository, '00000002.history', '\0\0\0'), {
      code: 'conflict',
      message: /^00000002\.history is no timeline history/,
      hint: /walvault fetch 00000002\.history pg_wal\/00000002\.history/,
    });
  });

  it('in the archive: it is to be removed', async () => {
    await archiveFile(repository, '00000002.history', '\0\0\0');
    await assert.rejects(archiveFile(repository, '00000002.history', good), {
      code: 'conflict',
      message: /the archived 00000002\.history is no timeline history/,
      hint: /store rm --force orders\/.*\/timelines\/00000002\.history/,
    });
    await assert.rejects(archiveFile(repository, '00000002.history', ''), {
      code: 'conflict',
      hint: /Another server was promoted/,
    });
  });

  it('is archived again without a complaint when it is the same', async () => {
    await archiveFile(repository, '00000002.history', '\0\0\0');
    await archiveFile(repository, '00000002.history', '\0\0\0');
    const object = await encodeWalObject(repository.codec, {
      system,
      file: walFile('00000002.history'),
      plain: plainFile(Buffer.from('\0\0\0')),
    });
    assert.equal(await storeWalObject(repository, object, signal), 'identical');
  });
});

describe('a segment of a version that is not known here', () => {
  const ofLater = (fill: number) => {
    const made = { timeline: 1, number: 5n, systemId: system.systemId, segmentSizeBytes, fill };
    const segment = makeSegment(made);
    segment.writeUInt16LE(0xd199, 0);
    return segment;
  };
  const push = async (segment: Buffer) => {
    const object = await encodeWalObject(repository.codec, {
      system,
      file: walFile(name),
      plain: plainFile(segment),
    });
    return await storeWalObject(repository, object, signal);
  };

  it('is archived, and the same content again is no fault', async () => {
    await plant(ofLater(1));
    assert.equal(await push(ofLater(1)), 'identical');
  });

  it('other content is a conflict, not damage that may be removed', async () => {
    await plant(ofLater(1));
    await assert.rejects(push(ofLater(2)), { code: 'conflict' });
  });

  it('the same content again is no fault where it does not look like WAL at all', async () => {
    const encrypted = Buffer.alloc(segmentSizeBytes, 0xe7);
    await plant(encrypted);
    assert.equal(await push(encrypted), 'identical');
  });
});
