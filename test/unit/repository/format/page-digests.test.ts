import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { objectBounds } from '../../../../src/base/bounds.ts';
import { Secret } from '../../../../src/base/secret.ts';
import {
  newHostSecret,
  parseHostSecret,
  sealBytes,
} from '../../../../src/repository/encoding/host-secret.ts';
import { pageDigestsKey, parsePageDigestsName } from '../../../../src/repository/format/layout.ts';
import {
  decodePageDigests,
  encodePageDigests,
  openPageDigests,
  sealPageDigests,
  type FileDigests,
} from '../../../../src/repository/format/page-digests.ts';
import { system } from '../../../support/site/archive.ts';

const id = '20261122T020000Z-full-3f2a91';
const secret = parseHostSecret(new Secret(newHostSecret()));
const place = { system, id, secret, part: 7 };
const digestsOf = (...bytes: number[]) => Buffer.concat(bytes.map(byte => Buffer.alloc(8, byte)));
const files: FileDigests[] = [
  { path: 'base/5/16384', pageCount: 2, pages: undefined, digests: digestsOf(1, 2) },
  { path: 'base/5/16385', pageCount: 9, pages: Uint32Array.of(0, 8), digests: digestsOf(3, 4) },
  { path: 'base/5/16386', pageCount: 4, pages: Uint32Array.of(), digests: digestsOf() },
  { path: 'base/5/16387', pageCount: 0, pages: undefined, digests: digestsOf() },
];

function seal(from: readonly FileDigests[] = files): Buffer {
  return sealPageDigests(place, from) ?? Buffer.alloc(0);
}

describe('the page digests of a part', () => {
  test('open to what they were made of, and show nothing of it', () => {
    assert.deepEqual(openPageDigests(place, seal()), files);
    assert.ok(!seal().includes('16384'));
    assert.deepEqual(openPageDigests(place, seal([])), []);
  });

  test('open nowhere else, and not once a bit has changed', () => {
    const sealed = seal();
    for (const other of [
      { part: 8 },
      { id: '20261122T020000Z-full-3f2a92' },
      { system: { ...system, cluster: 'other' } },
      { secret: parseHostSecret(new Secret(newHostSecret())) },
    ])
      assert.equal(openPageDigests({ ...place, ...other }, sealed), undefined);
    for (let at = 0; at < sealed.length; at += 7) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8((changed[at] ?? 0) ^ 1, at);
      assert.equal(openPageDigests(place, changed), undefined, String(at));
    }
  });

  test('that are cut, or contradict themselves, are damaged', () => {
    const whole = encodePageDigests(files);
    const ends = new Set<number>([0]);
    for (let count = 1; count <= files.length; count++)
      ends.add(encodePageDigests(files.slice(0, count)).length);
    for (let end = 0; end < whole.length; end++)
      if (ends.has(end)) assert.ok(decodePageDigests(whole.subarray(0, end)).length < files.length);
      else assert.throws(() => decodePageDigests(whole.subarray(0, end)), { code: 'damaged' }, String(end));
    const one = { path: 'base/5/1', pageCount: 3, digests: digestsOf(1, 2) };
    for (const wrong of [
      { ...one, pages: undefined },
      { ...one, pages: Uint32Array.of(2, 1) },
      { ...one, pages: Uint32Array.of(1, 1) },
      { ...one, pages: Uint32Array.of(1, 3) },
      { ...one, pageCount: 1, pages: Uint32Array.of(0, 1) },
    ])
      assert.throws(() => decodePageDigests(encodePageDigests([wrong])), { code: 'damaged' });
    const otherKind = encodePageDigests(files.slice(0, 1));
    otherKind.writeUInt8(2, 2 + 'base/5/16384'.length + 8);
    assert.throws(() => decodePageDigests(otherKind), /unknown kind/);
  });

  test('that are too large are none', () => {
    const { limitBytes } = objectBounds.pageDigests;
    const pageCount = limitBytes / 8;
    const large = { path: 'base/5/1', pageCount, pages: undefined, digests: Buffer.alloc(limitBytes) };
    assert.equal(sealPageDigests(place, [large]), undefined);
    assert.equal(openPageDigests(place, Buffer.alloc(limitBytes + sealBytes + 1)), undefined);
  });

  test('have a key that tells their part', () => {
    const key = pageDigestsKey(system, id, 7);
    assert.equal(parsePageDigestsName(key.slice(key.indexOf('digests/'))), 7);
    for (const name of [
      'digests/7.sealed',
      'digests/000007.seale',
      'index/000007.sealed',
      'x/digests/000007.sealed',
    ])
      assert.equal(parsePageDigestsName(name), undefined);
  });
});
