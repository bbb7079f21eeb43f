/** Objects of the format that are larger than they may be: damaged, and not held in memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { objectBounds } from '../../../../src/base/bounds.ts';
import { readParentClaim } from '../../../../src/repository/format/claim.ts';
import { readClusterRecord } from '../../../../src/repository/format/cluster-record.ts';
import { readSmallObject, readVerdict } from '../../../../src/repository/format/json-object.ts';
import {
  claimKey,
  clusterRecordKey,
  historyKey,
  noteKey,
  notesPrefix,
  signatureKey,
} from '../../../../src/repository/format/layout.ts';
import { readMarker } from '../../../../src/repository/format/marker.ts';
import { noteEntriesIn, readNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { mostBytesOfWalFile, openWalObject } from '../../../../src/repository/wal/read-object.ts';
import { collectHistory } from '../../../../src/repository/wal/timelines.ts';
import { plant } from '../../../support/hostile/archive.ts';
import { makeRepository, signal, system } from '../../../support/site/archive.ts';
import { walFile } from '../../../support/wal/wal.ts';

const id = '20261122T020000Z-full-3f2a91';

/** A repository with an object of just too many bytes under the key. */
async function withObject(key: string, { limitBytes }: { readonly limitBytes: number }): Promise<Repository> {
  const repository = await makeRepository({ empty: true });
  await plant(repository, key, Buffer.alloc(limitBytes + 1, ' '));
  return repository;
}

const tooLarge = { code: 'damaged', message: /larger than \d+ bytes|more than \d+ bytes|too large/ };

describe('an object that is larger than it may be', () => {
  it('is no marker', async () => {
    const { store } = await withObject('walvault.json', objectBounds.marker);
    await assert.rejects(readMarker(store, signal), tooLarge);
  });

  it('is no cluster record', async () => {
    const { store } = await withObject(clusterRecordKey(system), objectBounds.clusterRecord);
    await assert.rejects(readClusterRecord(store, system, signal), tooLarge);
  });

  it('is no claim that tells a parent', async () => {
    const repository = await withObject(claimKey(system, id), objectBounds.claim);
    assert.deepEqual(await readParentClaim(repository, system, id, signal), { kind: 'unknown' });
  });

  it('is no note', async () => {
    const key = noteKey(system, 'wal-00000001', '20261122T020500123Z', 'wal-lost');
    const repository = await withObject(key, objectBounds.note);
    const [entry] = await noteEntriesIn(repository.store.list({ prefix: notesPrefix(system), signal }));
    assert.ok(entry);
    await assert.rejects(readNote(repository, entry, signal), tooLarge);
  });

  it('is no signature', async () => {
    const repository = await withObject(signatureKey('key'), objectBounds.signature);
    const verdict = await readVerdict(repository, 'key', Buffer.from('data'), signal);
    assert.deepEqual(verdict, { status: 'bad', reason: 'the signature is too large to be one' });
  });

  it('is no history, and no backup history file', async () => {
    for (const name of ['00000002.history', '000000010000000000000002.00000028.backup']) {
      const limitBytes = mostBytesOfWalFile(walFile(name), 1024 ** 2);
      const repository = await withObject(historyKey(system, 2), { limitBytes });
      const { plain } = await openWalObject(repository, historyKey(system, 2), { limitBytes, signal });
      await assert.rejects(collectHistory(plain, name), tooLarge);
    }
    assert.equal(mostBytesOfWalFile(walFile('00000002.history'), 1), objectBounds.history.limitBytes);
  });

  it('is no small object of any kind, and what fits is one', async () => {
    for (const limitBytes of [0, 1, 100_000]) {
      const { store } = await withObject('a', { limitBytes });
      await assert.rejects(readSmallObject(store, 'a', { limitBytes, signal }), tooLarge);
      const whole = await readSmallObject(store, 'a', { limitBytes: limitBytes + 1, signal });
      assert.equal(whole?.length, limitBytes + 1);
    }
  });
});
