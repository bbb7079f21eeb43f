import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { MessageCheck } from '../../../../src/postgres/server/message-check.ts';

function message(type: string, body: Uint8Array | string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(4 + Buffer.byteLength(body), 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

/** A row whose values have these lengths, whatever bytes follow. */
function row(lengths: readonly number[], rest = ''): Buffer {
  const body = Buffer.alloc(2 + 4 * lengths.length);
  body.writeInt16BE(lengths.length, 0);
  for (const [index, length] of lengths.entries()) body.writeInt32BE(length, 2 + 4 * index);
  return message('D', Buffer.concat([body, Buffer.from(rest)]));
}

test('whole messages pass unchanged, however they are cut', () => {
  const sent = Buffer.concat([
    message('R', Buffer.alloc(4)),
    message('N', 'SNOTICE\0Mhello\0\0'),
    message('E', '\0'),
    row([-1, 0, -1]),
    row([3], 'abc'),
    row([]),
    message('Z', 'I'),
  ]);
  for (let size = 1; size <= sent.length; size++) {
    const check = new MessageCheck();
    const passed: Buffer[] = [];
    for (let at = 0; at < sent.length; at += size) {
      const messages = check.take(sent.subarray(at, at + size));
      passed.push(messages);
      assert.ok(Buffer.concat(passed).length <= at + size);
    }
    assert.deepEqual(Buffer.concat(passed), sent);
  }
});

describe('refused is', () => {
  const malformed: Readonly<Record<string, Buffer>> = {
    'a notice without its end': message('N', 'SNOTICE\0Mhello\0'),
    'an error whose text has no end': message('E', 'SERROR'),
    'an empty error': message('E', ''),
    'an error that goes on after its end': message('E', '\0x'),
    'a row that goes back': row([10, -9], 'abc'),
    'a row with more values than bytes': row([3], 'ab'),
    'a row with bytes that belong to no value': row([1], 'ab'),
    'a row without its number of values': message('D', '\0'),
  };
  for (const [what, bytes] of Object.entries(malformed))
    test(what, () =>
      assert.throws(() => new MessageCheck().take(bytes), /^Error: a malformed message of kind "[END]"$/),
    );

  test('a message that is shorter than its own length', () => {
    assert.throws(() => new MessageCheck().take(Buffer.from('Z\0\0\0\x03')), /impossible length/);
  });
});
