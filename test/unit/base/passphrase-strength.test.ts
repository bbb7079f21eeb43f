import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'vitest';
import { passphraseWeakness } from '../../../src/base/passphrase-strength.ts';

test('a passphrase that can be guessed is weak, and one that a machine made is not', () => {
  assert.match(passphraseWeakness('a') ?? '', /15 characters/);
  assert.match(passphraseWeakness('correct horse') ?? '', /15 characters/);
  assert.match(passphraseWeakness('aaaaaaaaaaaaaaaa') ?? '', /different/);
  assert.match(passphraseWeakness('password1password1') ?? '', /repeats itself/);
  assert.equal(passphraseWeakness('correct horse battery staple'), undefined);
  for (let i = 0; i < 100; i++) assert.equal(passphraseWeakness(randomBytes(24).toString('hex')), undefined);
});
