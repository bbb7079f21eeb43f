import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'vitest';
import { collect } from '../../../../src/base/bytes/streams.ts';
import {
  rangeHeader,
  readArriving,
  wholeSizeBytes,
  type ArrivingBody,
} from '../../../../src/stores/driver-kit/arriving-body.ts';
import { StoreError } from '../../../../src/stores/store.ts';

function arriving(chunks: Iterable<Buffer>, options: Partial<ArrivingBody> = {}): AsyncGenerator<Uint8Array> {
  return readArriving({
    key: 'a/b',
    body: Readable.from(chunks),
    signal: new AbortController().signal,
    announcedBytes: 6,
    checksum: undefined,
    toError: (error, action) => new StoreError('unreachable', `${action}: broken`, { cause: error }),
    ...options,
  });
}

const whole = [Buffer.from('abc'), Buffer.from('def')];

describe('an arriving body', () => {
  it('passes whole', async () => {
    assert.equal((await collect(arriving(whole), 100)).toString(), 'abcdef');
    assert.equal((await collect(arriving(whole, { announcedBytes: undefined }), 100)).length, 6);
  });

  it('is damaged when it ends early or late, also without a checksum', async () => {
    for (const announcedBytes of [5, 7, 0])
      await assert.rejects(collect(arriving(whole, { announcedBytes }), 100), {
        kind: 'damaged',
        message: `get a/b: 6 bytes came instead of ${announcedBytes}`,
      });
  });

  it('is damaged when its checksum does not match', async () => {
    const seen: string[] = [];
    const checksum = {
      description: 'sum that was kept',
      update: (chunk: Uint8Array) => void seen.push(Buffer.from(chunk).toString()),
      matches: () => false,
    };
    await assert.rejects(collect(arriving(whole, { checksum }), 100), {
      kind: 'damaged',
      message: 'get a/b: the bytes do not match the sum that was kept',
    });
    assert.equal(seen.join(''), 'abcdef');
  });

  it('says how far it had come when it breaks', async () => {
    function* breaking() {
      yield Buffer.from('abc');
      throw new Error('reset');
    }
    await assert.rejects(collect(arriving(breaking()), 100), { message: 'get a/b after 3 bytes: broken' });
  });

  it('is let go when its reader stops, and ends when the caller gives up', async () => {
    const body = Readable.from(whole);
    for await (const chunk of arriving([], { body })) {
      assert.equal(chunk.length, 3);
      break;
    }
    assert.ok(body.destroyed);
    const signal = AbortSignal.abort(new Error('given up'));
    await assert.rejects(collect(arriving(whole, { signal }), 100), { kind: 'unreachable' });
  });
});

it('ranges are written and read as HTTP has them', () => {
  assert.equal(rangeHeader({ start: 0, end: 10 }), 'bytes=0-9');
  assert.equal(rangeHeader({ start: 5 }), 'bytes=5-');
  assert.equal(wholeSizeBytes('bytes 0-9/1234', 10), 1234);
  assert.equal(wholeSizeBytes('bytes 0-9/*', 10), 10);
  assert.equal(wholeSizeBytes(undefined, 10), 10);
});
