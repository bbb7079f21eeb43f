import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../../src/base/secret.ts';
import { Redactor } from '../../../src/observe/redact.ts';

test('known secrets are replaced in any text, as they are, in URLs and in JSON', () => {
  const redactor = new Redactor();
  redactor.add([new Secret('pass word/"1"')]);
  assert.equal(redactor.redact('a pass word/"1" b'), 'a *** b');
  assert.equal(redactor.redact('https://u:pass%20word%2F%221%22@h'), 'https://u:***@h');
  assert.equal(redactor.redact(JSON.stringify({ p: 'pass word/"1"' })), '{"p":"***"}');
});

test('a secret too short to hide is left alone: replacing it everywhere would show it', () => {
  const redactor = new Redactor();
  redactor.add([new Secret('a')]);
  assert.equal(redactor.redact('a banana'), 'a banana');
});
