/** What a push makes of objects that somebody has planted under its keys. */
import assert from 'node:assert/strict';
import { beforeAll, beforeEach, describe, it } from 'vitest';
import type { SignaturePolicy } from '../../../../src/repository/encoding/signature-policy.ts';
import { conflictKey, walKey } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { encodeWalObject, storeWalObject } from '../../../../src/repository/wal/write-object.ts';
import {
  claimingMetadata,
  makeSignedArchive,
  plant,
  type SignedArchive,
} from '../../../support/hostile/archive.ts';
import { recordingLog } from '../../../support/site/backup-fixtures.ts';
import { geometry, segmentSizeBytes, signal, system } from '../../../support/site/archive.ts';
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
    await assert.rejects(push(repository), { code: policy === 'require' ? 'conflict' : 'damaged' });
    await assert.rejects(push(archive.as(policy, { keys: archive.pushOnly })));
  });

  it('nor are encrypted bytes other than their metadata tells, for a host that cannot read them', async () => {
    await plant(repository, key, sealed, { metadata: claimingMetadata(Buffer.alloc(sealed.length), whole) });
    await assert.rejects(push(archive.as(policy, { keys: archive.pushOnly })), {
      code: policy === 'require' ? 'conflict' : 'damaged',
    });
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
    await assert.rejects(push(repository));
  });

  it('a genuine signature is good for its own key and content alone', async () => {
    await push(repository);
    const stat = await repository.store.head(key, { signal });
    const { signature = '' } = stat?.metadata ?? {};
    assert.notEqual(signature, '');
    const metadata = { ...claimingMetadata(junk, whole), signature };
    await plant(repository, key, junk, { metadata, replace: true });
    await assert.rejects(push(archive.as(policy, { keys: archive.pushOnly })));
  });
});

it('under require nothing is taken for the file that a host without a private key cannot prove', async () => {
  archive = await makeSignedArchive();
  const repository = archive.as('require', { keys: archive.pushOnly });
  await plant(repository, key, sealed, { metadata: claimingMetadata(sealed, whole) });
  await assert.rejects(push(repository), {
    code: 'conflict',
    message: /nothing proves that .*, which is there already, is 0{7}10{8}0{7}5: it is not signed/,
    hint: /store rm --force/,
  });
});

it.each(['warn', 'off'] as const)(
  'under %s a host without a private key takes a well-formed encrypted fake for the file, and warns',
  async policy => {
    archive = await makeSignedArchive();
    const log = recordingLog();
    const repository = archive.as(policy, { keys: archive.pushOnly, log });
    await plant(repository, key, sealed, { metadata: claimingMetadata(sealed, whole) });
    assert.equal(await push(repository), 'identical');
    assert.match(log.events.at(-1)?.message ?? '', /the same file by its own account alone/);
    await assert.rejects(push(archive.as(policy, { keys: archive.reader })), { code: 'damaged' });
  },
);
