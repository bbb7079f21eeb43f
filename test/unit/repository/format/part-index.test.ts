import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { objectBounds } from '../../../../src/base/bounds.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { compressZstdAtOnce } from '../../../../src/pipeline/zstd/streaming.ts';
import {
  newHostSecret,
  parseHostSecret,
  sealBytes,
} from '../../../../src/repository/encoding/host-secret.ts';
import { partIndexKey } from '../../../../src/repository/format/layout.ts';
import {
  openPartIndex,
  sealPartIndex,
  type PartIndex,
} from '../../../../src/repository/format/part-index.ts';
import { system } from '../../../support/site/archive.ts';

const id = '20261122T020000Z-full-3f2a91';
const secret = parseHostSecret(new Secret(newHostSecret()));
const place = { system, id, secret, part: 7 };
const index: PartIndex = {
  host: 'db1',
  keys: 'cd'.repeat(32),
  part: {
    number: 7,
    name: 'parts/000007.tar.zst.pgp',
    storedSizeBytes: 1234,
    storedSha256: 'ab'.repeat(32),
    plainSizeBytes: 20_480,
  },
  entries: [
    { path: 'base/5', type: 'directory', sizeBytes: 0, mode: 0o700, mtimeMs: 1 },
    {
      path: 'base/5/secret-name',
      type: 'file',
      sizeBytes: 8192,
      mode: 0o600,
      mtimeMs: 2,
      sha256: 'ef'.repeat(32),
      part: 7,
    },
  ],
};

async function seal(change: Partial<PartIndex> = {}): Promise<Buffer> {
  return (await sealPartIndex({ system, id, secret }, { ...index, ...change })) ?? Buffer.alloc(0);
}

describe('the index of a part', () => {
  test('opens to what it was made of, and shows nothing of it', async () => {
    const sealed = await seal();
    assert.deepEqual(await openPartIndex(place, sealed), index);
    for (const text of ['secret-name', 'db1', index.keys, 'parts']) assert.ok(!sealed.includes(text), text);
  });

  test('opens nowhere else: neither as another part, nor in another backup, cluster or system', async () => {
    const sealed = await seal();
    for (const other of [
      { part: 8 },
      { id: '20261122T020000Z-full-3f2a92' },
      { system: { ...system, cluster: 'stock' } },
      { system: { ...system, systemId: 1n } },
      { secret: parseHostSecret(new Secret(newHostSecret())) },
    ])
      assert.equal(await openPartIndex({ ...place, ...other }, sealed), undefined);
  });

  test('that is altered or cut does not open', async () => {
    const sealed = await seal();
    for (let at = 0; at < sealed.length; at += 7) {
      const altered = Buffer.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 0x10;
      assert.equal(await openPartIndex(place, altered), undefined);
      assert.equal(await openPartIndex(place, sealed.subarray(0, at)), undefined);
    }
  });

  test('that speaks of another part, or names a path outside, is damaged though this host sealed it', async () => {
    const key = secret.keyFor(`index of orders/${system.systemId}/${id}`);
    const sealText = (text: string) =>
      key.seal(compressZstdAtOnce(Buffer.from(text), { level: 1 }), partIndexKey(system, id, 7));
    const part = { ...index.part, number: 8 };
    await assert.rejects(openPartIndex(place, sealText(`${JSON.stringify({ format: 1, part })}\n`)), {
      code: 'damaged',
      message: /another part/,
    });
    await assert.rejects(openPartIndex(place, sealText('no line')), { message: /has no first line/ });
    const outside = { ...index.entries[0], path: '../outside' } as const;
    await assert.rejects(openPartIndex(place, await seal({ entries: [outside as never] })), {
      code: 'damaged',
      message: /impossible path/,
    });
  });

  test('that is too large is none: it is neither made nor opened', async () => {
    const { limitBytes } = objectBounds.partIndex;
    assert.equal(await openPartIndex(place, Buffer.alloc(limitBytes + sealBytes + 1)), undefined);
    const key = secret.keyFor(`index of orders/${system.systemId}/${id}`);
    const bomb = compressZstdAtOnce(Buffer.alloc(limitBytes + 1), { level: 1 });
    await assert.rejects(openPartIndex(place, key.seal(bomb, partIndexKey(system, id, 7))), {
      code: 'damaged',
      message: /unpacks to more than/,
    });
    assert.equal(
      await sealPartIndex({ system, id, secret }, { ...index, host: 'h'.repeat(limitBytes) }),
      undefined,
    );
  });
});
