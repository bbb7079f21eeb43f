import assert from 'node:assert/strict';
import { hkdfSync } from 'node:crypto';
import { test } from 'vitest';
import { highwayHash64, HighwayKey } from '../../../../src/base/checksum/highway-hash.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { parseHostSecret } from '../../../../src/repository/encoding/host-secret.ts';
import { pageDigestKey } from '../../../../src/repository/encoding/page-digest-key.ts';

const page = Buffer.from('a page');

test('the key of page digests follows from the secret and the system alone', () => {
  const digest = (digit: string, systemId: bigint, cluster = 'main') =>
    highwayHash64(page, pageDigestKey(parseHostSecret(new Secret(digit.repeat(64))), { cluster, systemId }));
  const info = 'walvault 1 page digests of main/7/';
  const key = hkdfSync('sha256', Buffer.alloc(32, 0xaa), '', info, 32);
  assert.equal(digest('a', 7n), highwayHash64(page, new HighwayKey(new Uint8Array(key))));
  const others = [digest('b', 7n), digest('a', 8n), digest('a', 7n, 'other')];
  assert.equal(new Set([digest('a', 7n), ...others]).size, 4);
});
