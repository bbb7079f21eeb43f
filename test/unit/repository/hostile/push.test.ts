/** What a push makes of objects that somebody has planted under its keys. */
import assert from 'node:assert/strict';
import { beforeAll, beforeEach, describe, it } from 'vitest';
import type { SignaturePolicy } from '../../../../src/repository/encoding/signature-policy.ts';
import { conflictKey, walKey } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { encodeMetadata } from '../../../../src/repository/format/object-metadata.ts';
import { openWalObject } from '../../../../src/repository/wal/read-object.ts';
import {
  encodeWalObject,
  storeWalObject,
  type WalObject,
} from '../../../../src/repository/wal/write-object.ts';
import {
  claimingMetadata,
  makeSignedArchive,
  plant,
  type SignedArchive,
} from '../../../support/hostile/archive.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { recordingLog } from '../../../support/site/backup-fixtures.ts';
import { geometry, overrideStore, segmentSizeBytes, signal, system } from '../../../support/site/archive.ts';
import { makeSegment, plainFile, walFile } from '../../../support/wal/wal.ts';

const name = geometry.nameOf(1, 5n);
const file = walFile(name);
const key = walKey(system, file);
const whole = makeSegment({ timeline: 1, number: 5n, systemId: system.systemId, segmentSizeBytes });
const junk = Buffer.from('8 bytes!');
/** The head of an encrypted message, of which a host without a private key can tell no more. */
const sealed = Buffer.concat([Buffer.of(0xc1, 0xc0, 0x4c, 3), Buffer.alloc(500, 7)]);

let archive: SignedArchive;
beforeAll(async () => {
  archive = await makeSignedArchive();
});

async function push(repository: Repository): Promise<string> {
  const object = await encodeWalObject(repository.codec, { system, file, plain: plainFile(whole) });
  return await storeWalObject(repository, object, signal);
}

describe.each(['require', 'warn', 'off'] as const)('under %s', (policy: SignaturePolicy) => {
  let repository: Repository;
  beforeEach(async () => {
    archive = await makeSignedArchive();
    repository = archive.as(policy);
  });

  it('the same file again is a success', async () => {
    assert.equal(await push(repository), 'created');
    assert.equal(await push(repository), 'identical');
    assert.equal(await push(archive.as(policy, { keys: archive.pushOnly })), 'identical');
  });

  it('eight bytes that claim to be the file are none', async () => {
    await plant(repository, key, junk, { metadata: claimingMetadata(junk, whole) });
    const pushOnly = archive.as(policy, { keys: archive.pushOnly });
    if (policy === 'require') {
      assert.equal(await push(pushOnly), 'created');
      await assertArchived(archive.as(policy, { keys: archive.reader }));
    } else {
      await assert.rejects(push(repository), { code: 'damaged' });
      await assert.rejects(push(pushOnly));
    }
  });

  it('nor is a second content that claims to be kept beside', async () => {
    const other = makeSegment({
      timeline: 1,
      number: 5n,
      systemId: system.systemId,
      segmentSizeBytes,
      fill: 9,
    });
    const theirs = await encodeWalObject(repository.codec, { system, file, plain: plainFile(other) });
    await storeWalObject(repository, theirs, signal);
    const beside = conflictKey(system, file, plainFile(whole).sha256);
    await plant(repository, beside, junk, { metadata: claimingMetadata(junk, whole) });
    await assert.rejects(push(repository), policy === 'require' ? { message: /other content/ } : Error);
  });

  it('a genuine signature is good for its own key and content alone', async () => {
    await push(repository);
    const stat = await repository.store.head(key, { signal });
    const { signature = '' } = stat?.metadata ?? {};
    assert.notEqual(signature, '');
    const metadata = { ...claimingMetadata(junk, whole), signature };
    await plant(repository, key, junk, { metadata, replace: true });
    const pushOnly = archive.as(policy, { keys: archive.pushOnly });
    if (policy === 'require') assert.equal(await push(pushOnly), 'created');
    else await assert.rejects(push(pushOnly));
  });
});

async function assertArchived(repository: Repository): Promise<void> {
  const options = { limitBytes: segmentSizeBytes, signal };
  const { plain } = await openWalObject(repository, key, options);
  assert.ok(Buffer.concat(await Array.fromAsync(plain)).equals(whole));
}

const asideKey = (body: Uint8Array) => conflictKey(system, file, plainFile(Buffer.from(body)).sha256);

describe('under require, what was planted under the key of a segment', () => {
  beforeEach(async () => {
    archive = await makeSignedArchive();
  });

  it.each([
    ['encrypted for others', sealed, claimingMetadata(sealed, whole)],
    ['encrypted, without metadata', sealed, undefined],
    ['of a few bytes', junk, undefined],
    ['empty', Buffer.alloc(0), undefined],
  ])('%s, is replaced, told and kept beside, by a host without a private key', async (_, body, metadata) => {
    const log = recordingLog();
    const repository = archive.as('require', { keys: archive.pushOnly, log });
    await plant(repository, key, body, metadata && { metadata });
    assert.equal(await push(repository), 'created');
    await assertArchived(archive.as('require', { keys: archive.reader }));
    assert.equal((await repository.store.head(asideKey(body), { signal }))?.sizeBytes, body.length);
    assert.match(log.events[0]?.message ?? '', /is replaced, and kept as .*\.conflict\./);
    assert.equal(await push(repository), 'identical', 'and once');
  });

  it('too large to be one, is replaced, and not kept', async () => {
    const repository = archive.as('require');
    const large = Buffer.alloc(3 * segmentSizeBytes);
    await plant(repository, key, large);
    assert.equal(await push(repository), 'created');
    assert.equal(await repository.store.head(asideKey(large), { signal }), undefined);
  });

  it('stays where the store permits no replacement: the push fails and says why', async () => {
    const repository = archive.as('require');
    await plant(repository, key, junk);
    const { store } = repository;
    const strict = overrideStore(store, {
      put: (to, body, options) =>
        options.ifAbsent ? store.put(to, body, options) : Promise.reject(new StoreError('denied', 'no')),
    });
    await assert.rejects(push({ ...repository, store: strict }), { code: 'conflict', hint: /store rm/ });
  });

  it('is not replaced by a host whose own signature nobody believes', async () => {
    const repository = archive.as('require', { keys: { signingKey: undefined } });
    await plant(repository, key, junk);
    await assert.rejects(push(repository), { code: 'conflict' });
  });

  it('is no reason to replace what another server signed', async () => {
    const repository = archive.as('require', { keys: archive.reader });
    const made = { timeline: 1, number: 5n, systemId: system.systemId, segmentSizeBytes, fill: 9 };
    const theirs = { system, file, plain: plainFile(makeSegment(made)) };
    await storeWalObject(repository, await encodeWalObject(repository.codec, theirs), signal);
    await assert.rejects(push(repository), { code: 'conflict', message: /other content/ });
    const body = Buffer.concat(await Array.fromAsync((await repository.store.get(key, { signal })).body));
    await plant(repository, key, body, { replace: true });
    await assert.rejects(push(repository), { code: 'conflict', message: /other content/ });
    const pushOnly = archive.as('require', { keys: archive.pushOnly });
    assert.equal(await push(pushOnly), 'created', 'it cannot see the signature inside');
    const kept = await Array.fromAsync((await repository.store.get(asideKey(body), { signal })).body);
    assert.ok(Buffer.concat(kept).equals(body), 'and loses nothing');
  });

  it('by two servers at once, is replaced by one of them, and the other is told', async () => {
    const repository = archive.as('require');
    await plant(repository, key, junk);
    const made = { timeline: 1, number: 5n, systemId: system.systemId, segmentSizeBytes, fill: 9 };
    const theirs = { system, file, plain: plainFile(makeSegment(made)) };
    const other = await encodeWalObject(repository.codec, theirs);
    const { store } = repository;
    const racing = overrideStore(store, {
      put: async (to, body, options) => {
        await store.put(to, body, options);
        if (to === key && !options.ifAbsent) await storeAnyhow(other);
      },
    });
    const storeAnyhow = async (object: WalObject) =>
      plant(repository, key, object.body as Uint8Array, {
        metadata: encodeMetadata(object.metadata),
        replace: true,
      });
    await assert.rejects(push({ ...repository, store: racing }), { message: /other content/ });
  });
});
