import assert from 'node:assert/strict';
import { test } from 'vitest';
import { describeFailure } from '../../../src/base/errors/describe-failure.ts';
import { errorCodes, WalvaultError } from '../../../src/base/errors/errors.ts';
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

test('a secret that a message has cut off is replaced as far as it goes', () => {
  const redactor = new Redactor();
  redactor.add([new Secret('Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6')]);
  assert.equal(redactor.redact('sent Zm9vYmFyYmF6cXV4'), 'sent ***');
  assert.equal(redactor.redact('sent Zm9vYmF'), 'sent Zm9vYmF');
});

test('what is secret inside a connection string, a signature or a URI is replaced alone as well', () => {
  const redactor = new Redactor();
  redactor.add([
    new Secret('DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=c2VjcmV0;EndpointSuffix=x'),
    new Secret('sv=2026-01-01&sr=c&sig=a%2Fb%3Dcdef'),
    new Secret('postgresql://walvault:p%40ssword@db/postgres'),
    new Secret("host=db password='pass phrase'"),
  ]);
  assert.equal(redactor.redact('acme c2VjcmV0'), 'acme ***');
  assert.equal(redactor.redact('a%2Fb%3Dcdef, a/b=cdef'), '***, ***');
  assert.equal(redactor.redact('user walvault, p@ssword'), 'user walvault, ***');
  assert.equal(redactor.redact('on db: pass phrase'), 'on db: ***');
});

test('secrets that nobody told it are known by their looks, and in the environment by their names', () => {
  const redactor = new Redactor();
  redactor.addEnvironment({
    PGPASSWORD: 'hush-hush',
    PATH: '/usr/bin',
    HTTPS_PROXY: 'http://user:hidden@proxy:3128',
    AWS_SECRET_ACCESS_KEY: undefined,
  });
  assert.equal(redactor.redact('hush-hush in /usr/bin'), '*** in /usr/bin');
  assert.equal(redactor.redact('proxy:3128 said hidden'), 'proxy:3128 said ***');
  assert.equal(redactor.redact('Authorization: Bearer ya29.abc-def'), 'Authorization: Bearer ***');
  assert.equal(redactor.redact('https://h/c?sv=1&sig=abc%3D&se=2'), 'https://h/c?sv=1&sig=***&se=2');
  assert.equal(redactor.redact('http://user:pw@host/x'), 'http://user:***@host/x');
  const pem = '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----';
  assert.equal(redactor.redact(`key ${pem} end`), 'key *** end');
});

test('a failure is cleaned with all that caused it', async () => {
  const redactor = new Redactor();
  redactor.add([new Secret('hush-hush')]);
  const cause = Object.assign(new Error('it was hush-hush'), { name: 'hush-hush', cause: 'hush-hush' });
  const failure = new WalvaultError('denied', 'no hush-hush', { hint: 'not hush-hush', cause });
  await assert.rejects(
    redactor.guard(() => Promise.reject(failure)),
    error => error === failure && !describeFailure(error, { isDebug: true }).join().includes('hush-hush'),
  );
  assert.equal(failure.exitCode, errorCodes.denied);
});
