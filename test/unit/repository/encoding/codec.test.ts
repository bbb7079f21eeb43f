import assert from 'node:assert/strict';
import { test } from 'vitest';
import { collect } from '../../../../src/base/bytes/streams.ts';
import { plainCodec, signal } from '../../../support/site/archive.ts';
import { everything, sampleBytes } from '../../../support/streams.ts';

const codec = plainCodec();

/** What `codec` makes of `bytes`, and whether their source was closed in the end. */
async function decoding(bytes: Uint8Array, read: (plain: AsyncGenerator<Uint8Array>) => Promise<unknown>) {
  let isClosed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < bytes.length; at += 16) yield bytes.subarray(at, at + 16);
    } finally {
      isClosed = true;
    }
  }
  const failure = await read(codec.decode('key', source(), { limitBytes: everything, signal })).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { failure, isClosed };
}

/** An OpenPGP packet that holds a session key for nobody; the reader gives up long before the end. */
const unreadable = Buffer.concat([Buffer.of(0xc1, 0x54, 3), sampleBytes(4000)]);

test('a source is closed when a stage fails before it has read all', async () => {
  for (const bytes of [unreadable, Buffer.concat([Buffer.from('04224d18', 'hex'), sampleBytes(4000)])]) {
    const { failure, isClosed } = await decoding(bytes, plain => collect(plain, 1e6));
    assert.ok(failure instanceof Error);
    assert.ok(isClosed);
  }
});

test('a source is closed when nobody wants the rest', async () => {
  const { failure, isClosed } = await decoding(sampleBytes(4000), async plain => {
    await plain.next();
    await plain.return(undefined);
  });
  assert.equal(failure, undefined);
  assert.ok(isClosed);
});
