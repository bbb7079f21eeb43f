import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { describe, test } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import {
  newHostSecret,
  parseHostSecret,
  sealBytes,
} from '../../../../src/repository/encoding/host-secret.ts';

const secret = parseHostSecret(new Secret('0f'.repeat(32)));
const plain = Buffer.from('what a host knows of its backup');

describe('what a host seals with its secret', () => {
  const key = secret.keyFor('backup a');
  const sealed = key.seal(plain, 'part 1');

  test('it opens, in its place', () => {
    assert.deepEqual(key.unseal(sealed, 'part 1'), plain);
    assert.equal(sealed.length, plain.length + sealBytes);
    assert.ok(!sealed.includes('backup'));
    assert.deepEqual(key.unseal(key.seal(Buffer.alloc(0), ''), ''), Buffer.alloc(0));
  });

  test('it does not open in another place, for another purpose, or with the secret of another host', () => {
    assert.equal(key.unseal(sealed, 'part 2'), undefined);
    assert.equal(secret.keyFor('backup b').unseal(sealed, 'part 1'), undefined);
    const other = parseHostSecret(new Secret(newHostSecret()));
    assert.equal(other.keyFor('backup a').unseal(sealed, 'part 1'), undefined);
  });

  test('it does not open when any bit of it was changed, or any end of it cut', () => {
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.equal(key.unseal(changed, 'part 1'), undefined, `byte ${at}`);
      assert.equal(key.unseal(sealed.subarray(0, at), 'part 1'), undefined, `cut at ${at}`);
    }
  });

  test('sealing twice gives two different objects', () => {
    assert.notDeepEqual(key.seal(plain, 'part 1'), sealed);
  });

  test('neither the secret nor its keys are printed', () => {
    const shown = [
      inspect(secret),
      inspect(key),
      `${String(secret)}${String(key)}`,
      JSON.stringify([secret, key]),
    ];
    for (const text of shown) assert.match(text, /\*\*\*/);
    for (const text of shown) assert.doesNotMatch(text, /0f0f/);
  });
});

test('a host secret is 64 hex digits', () => {
  assert.match(newHostSecret(), /^[0-9a-f]{64}$/);
  assert.notEqual(newHostSecret(), newHostSecret());
  for (const text of ['', 'a'.repeat(63), 'g'.repeat(64), ` ${'a'.repeat(64)}`])
    assert.throws(() => parseHostSecret(new Secret(text)), {
      code: 'config',
      message: /is not 64 hex digits/,
    });
});
