import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'vitest';
import { GatheredChecksum } from '../../../../src/base/checksum/gathered.ts';

it('hands on every byte in order, whatever the chunks, and keeps none of them', () => {
  const data = randomBytes(1_500_000);
  for (const chunkBytes of [1000, 16_384, 65_536, 262_144, 300_000, data.length]) {
    const seen: Buffer[] = [];
    const gathered = new GatheredChecksum(piece => seen.push(Buffer.from(piece)));
    for (let at = 0; at < data.length; at += chunkBytes) {
      const chunk = Buffer.from(data.subarray(at, at + chunkBytes));
      gathered.update(chunk);
      chunk.fill(0);
    }
    gathered.finish();
    gathered.finish();
    assert.ok(Buffer.concat(seen).equals(data), `in chunks of ${chunkBytes}`);
    assert.ok(seen.slice(0, -1).every(piece => piece.length >= Math.min(chunkBytes, 262_144)));
  }
});
