/** HighwayHash-64 by Google's test vectors (highwayhash_test.cc, kExpected64), in words and in vectors. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, test } from 'vitest';
import { highwayHash64, HighwayKey } from '../../../../src/base/checksum/highway-hash.ts';
import { PageBuffer } from '../../../../src/postgres/cluster/page-buffer.ts';

const ascending = (sizeBytes: number) => Uint8Array.from({ length: sizeBytes }, (_, index) => index);
const key = new HighwayKey(ascending(32));
const key1234 = new HighwayKey(new Uint8Array(BigUint64Array.of(1n, 2n, 3n, 4n).buffer));

/** The hashes of the bytes 0, 1, 2… in each length from 0 to 64, with the key of the bytes 0 to 31. */
const expected = `
  907A56DE22C26E53 7EAB43AAC7CDDD78 B8D0569AB0B53D62 5C6BEFAB8A463D80 F205A46893007EDA 2B8A1668E4A94541
  BD4CCC325BEFCA6F 4D02AE1738F59482 E1205108E55F3171 32D2644EC77A1584 F6E10ACDB103A90B C3BBF4615B415C15
  243CC2040063FA9C A89A58CE65E641FF 24B031A348455A23 40793F86A449F33B CFAB3489F97EB832 19FE67D2C8C5C0E2
  04DD90A69C565CC2 75D9518E2371C504 38AD9B1141D3DD16 0264432CCD8A70E0 A9DB5A6288683390 D7B05492003F028C
  205F615AEA59E51E EEE0C89621052884 1BFC1A93A7284F4F 512175B5B70DA91D F71F8976A0A2C639 AE093FEF1F84E3E7
  22CA92B01161860F 9FC7007CCF035A68 A0C964D9ECD580FC 2C90F73CA03181FC 185CF84E5691EB9E 4FC1F5EF2752AA9B
  F5B7391A5E0A33EB B9B84B83B4E96C9C 5E42FE712A5CD9B4 A150F2F90C3F97DC 7FA522D75E2D637D 181AD0CC0DFFD32B
  3889ED981E854028 FB4297E8C586EE2D 6D064A45BB28059C 90563609B3EC860C 7AA4FCE94097C666 1326BAC06B911E08
  B926168D2B154F34 9919848945B1948D A2A98FC534825EBE E9809095213EF0B6 582E5483707BC0E9 086E9414A88A6AF5
  EE86B98D20F6743D F89B7FF609B1C0A7 4C7D9CC19E22C3E8 9A97005024562A6F 5DD41CF423E6EBEF DF13609C0468E227
  6E0DA4F64188155A B755BA4B50D7D4A1 887A3484647479BD AB8EEBE9BF2139A0 75542C5D4CD2A6FF`
  .trim()
  .split(/\s+/);

const unable = () => {
  throw new Error('no vectors');
};

/** By a page of a buffer; without vectors that is the form in words. */
function hashInBuffer(buffer: PageBuffer, data: Uint8Array, hashKey: HighwayKey): bigint {
  const at = 3;
  buffer.bytes.set(data, at);
  const out = Buffer.alloc(8);
  const end = at + data.length;
  assert.equal(buffer.digestPages(at, end, { blockSizeBytes: 32_768, key: hashKey, out }), 1);
  return out.readBigUInt64LE(0);
}

const kinds = {
  words: (data: Uint8Array, hashKey: HighwayKey) => highwayHash64(data, hashKey),
  vectors: hashInBuffer.bind(undefined, new PageBuffer(65_536)),
  'a buffer without vectors': hashInBuffer.bind(undefined, new PageBuffer(65_536, unable)),
};

describe.each(Object.entries(kinds))('HighwayHash-64 in %s', (kind, hash) => {
  test('is that of the test vectors at every length', () => {
    assert.equal(expected.length, 65);
    // No page is empty.
    for (let sizeBytes = kind === 'words' ? 0 : 1; sizeBytes <= 64; sizeBytes++)
      assert.equal(hash(ascending(sizeBytes), key), BigInt(`0x${expected[sizeBytes]}`), `${sizeBytes} bytes`);
    const high = Uint8Array.from({ length: 33 }, (_, index) => 128 + index);
    assert.equal(hash(high, key1234), 0x53c5_16cc_e478_cad7n);
    assert.equal(hash(Uint8Array.of(255), key1234), 0x7858_f24d_2d79_b2b2n);
  });

  test('is the same as in words of any bytes and key', () => {
    for (let sizeBytes = 1; sizeBytes <= 200; sizeBytes++) {
      const data = randomBytes(sizeBytes);
      const any = new HighwayKey(randomBytes(32));
      assert.equal(hash(data, any), highwayHash64(data, any), `${sizeBytes} bytes`);
    }
  });
});

test('a key has 32 bytes, and is not printed', () => {
  for (const sizeBytes of [0, 31, 33])
    assert.throws(() => new HighwayKey(new Uint8Array(sizeBytes)), TypeError);
  assert.equal(`${inspect(key)} ${String(key)} ${JSON.stringify(key)}`, '*** *** "***"');
});
