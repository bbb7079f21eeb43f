/** A server that is not the right one: it gets no password where the options forbid it. */
import assert from 'node:assert/strict';
import { mkdirSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import { connectPostgres } from '../../../../src/postgres/server/connection.ts';
import { makeCertificates } from '../../../support/servers/certificates.ts';
import { messages, startRoguePostgres, type RogueOptions } from '../../../support/servers/rogue-postgres.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const password = 'open-sesame-1979';
const right = makeCertificates();
const wrong = makeCertificates();
const { cleartext, md5, gss, sasl, scramFirst, welcome, ready, notice, fatal, endedTwice } = messages;
const plus = sasl('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256');
const plain = sasl('SCRAM-SHA-256');

interface Attack {
  readonly options: string;
  readonly rogue: RogueOptions;
  readonly error: RegExp;
  readonly env?: NodeJS.ProcessEnv;
}

/** The attacks, each with the words of the refusal. */
const attacks: Readonly<Record<string, Attack>> = {
  'clear text, although binding is required': {
    options: 'sslmode=require channel_binding=require',
    rogue: { tls: wrong, answers: [cleartext] },
    error: /refused: it asks for the password in clear text, which has no channel binding/,
  },
  'clear text, although the variable wants binding': {
    options: 'sslmode=require',
    env: { PGCHANNELBINDING: 'require' },
    rogue: { tls: wrong, answers: [cleartext] },
    error: /channel_binding=require/,
  },
  'MD5, although binding is required': {
    options: 'sslmode=require channel_binding=require',
    rogue: { tls: wrong, answers: [md5] },
    error: /an MD5 of the password, which has no channel binding/,
  },
  'SCRAM without binding, although it is required': {
    options: 'sslmode=require channel_binding=require',
    rogue: { tls: wrong, answers: [plain] },
    error: /offers no channel binding/,
  },
  'no question at all, although binding is required': {
    options: 'sslmode=require channel_binding=require',
    rogue: { tls: wrong, answers: [welcome] },
    error: /let us in without channel binding/,
  },
  'a refusal of TLS, although binding is required': {
    options: 'channel_binding=require',
    rogue: { tls: 'refused', answers: [cleartext] },
    error: /does not support SSL/,
  },
  'clear text in the middle of SCRAM': {
    options: 'sslmode=require',
    rogue: { tls: wrong, answers: [plus, cleartext] },
    error: /asks for another authentication, password/,
  },
  'a notice without its end, which would keep the driver busy for ever': {
    options: 'sslmode=disable',
    rogue: { tls: 'refused', answers: [notice(100)] },
    error: /its message cannot be understood: a malformed message of kind "N"/,
  },
  'an end in the middle of SCRAM': {
    options: '',
    rogue: { tls: 'refused', answers: [plain, welcome] },
    error: /before it had shown that it knows the password/,
  },
  'clear text, although SCRAM is required': {
    options: 'sslmode=disable require_auth=scram-sha-256',
    rogue: { tls: 'refused', answers: [cleartext] },
    error: /asks for the password in clear text, and require_auth=scram-sha-256/,
  },
  'MD5, although it is excluded': {
    options: 'sslmode=disable require_auth=!md5,!password',
    rogue: { tls: 'refused', answers: [md5] },
    error: /require_auth=!md5,!password/,
  },
  'no question, although one is required': {
    options: 'sslmode=disable require_auth=!none',
    rogue: { tls: 'refused', answers: [welcome] },
    error: /asked for no authentication, and require_auth=!none/,
  },
  'a session without authentication': {
    options: 'sslmode=disable',
    rogue: { tls: 'refused', answers: [ready] },
    error: /begins a session without authentication/,
  },
  'a method that the driver does not know': {
    options: 'sslmode=disable',
    rogue: { tls: 'refused', answers: [gss] },
    error: /cannot be understood/,
  },
  'a flood': {
    options: 'sslmode=disable',
    rogue: { tls: 'refused', answers: [notice(100_000)] },
    error: /sent more than 65536 bytes/,
  },
  'one statement that it ends twice': {
    options: 'sslmode=disable',
    rogue: { tls: 'refused', answers: [welcome, endedTwice] },
    error: /one statement was answered as several/,
  },
  'a refusal of TLS, although it is required': {
    options: 'sslmode=require',
    rogue: { tls: 'refused', answers: [cleartext] },
    error: /does not support SSL/,
  },
  'a refusal of TLS, although it was once called requiressl': {
    options: '',
    env: { PGREQUIRESSL: '1' },
    rogue: { tls: 'refused', answers: [cleartext] },
    error: /does not support SSL/,
  },
  'bytes in the open behind the S': {
    options: 'sslmode=require',
    rogue: { tls: 'injected', answers: [cleartext] },
    error: /error establishing an SSL connection/,
  },
  'a certificate of another authority': {
    options: `sslmode=verify-full sslrootcert=${right.caFile}`,
    rogue: { tls: wrong, answers: [cleartext] },
    error: /certificate/,
  },
  'a certificate of another authority, with require and a root certificate': {
    options: `sslmode=require sslrootcert=${right.caFile}`,
    rogue: { tls: wrong, answers: [cleartext] },
    error: /certificate/,
  },
  'a certificate for another host': {
    options: `sslmode=verify-full sslrootcert=${right.caFile} hostaddr=127.0.0.1 host=db.example`,
    rogue: { tls: right, answers: [cleartext] },
    error: /db\.example/,
  },
  'a version of TLS that is too old': {
    options: 'sslmode=require ssl_min_protocol_version=TLSv1.3',
    rogue: { tls: { ...wrong, maxVersion: 'TLSv1.2' }, answers: [cleartext] },
    error: /version/,
  },
};

describe('a rogue server gets no password by', () => {
  for (const [name, { options, rogue, error, env }] of Object.entries(attacks))
    test(name, async () => {
      await using server = await startRoguePostgres(rogue);
      await assert.rejects(connect(server.port, options, env), { code: 'postgres', message: error });
      assertKeptSecret(server.heard());
    });

  test('a wrong certificate, with require and ~/.postgresql/root.crt', async () => {
    const home = homeWith({ 'root.crt': right.caFile });
    const env = { HOME: home };
    await using server = await startRoguePostgres({ tls: wrong, answers: [cleartext] });
    await assert.rejects(connect(server.port, 'sslmode=require', env), { message: /certificate/ });
    assertKeptSecret(server.heard());
    // The right server gets it, and without such a file every server does.
    await using genuine = await startRoguePostgres({ tls: right, answers: [cleartext, fatal('enough')] });
    await assert.rejects(connect(genuine.port, 'sslmode=require', env), { message: /enough/ });
    assert.ok(genuine.heard().includes(password));
    await using other = await startRoguePostgres({ tls: wrong, answers: [cleartext, fatal('enough')] });
    await assert.rejects(connect(other.port, 'sslmode=require'), { message: /enough/ });
  });

  test('a certificate that was revoked', async () => {
    const { file, directory } = right.revoke();
    const home = homeWith({ 'root.crt': right.caFile, 'root.crl': file });
    await using server = await startRoguePostgres({ tls: right, answers: [cleartext] });
    await assert.rejects(connect(server.port, 'sslmode=require', { HOME: home }), { message: /revoked/ });
    const given = `sslmode=verify-ca sslrootcert=${right.caFile} sslcrldir=${directory}`;
    await assert.rejects(connect(server.port, given), { message: /revoked/ });
    assertKeptSecret(server.heard());
  });
});

describe('what a rogue server gets all the same', () => {
  for (const options of ['', 'sslmode=prefer', 'sslmode=allow'])
    test(`with ${options || 'no option'}: the password, by a refusal of TLS and the question for clear text`, async () => {
      await using server = await startRoguePostgres({
        tls: 'refused',
        answers: [cleartext, fatal('enough')],
      });
      await assert.rejects(connect(server.port, options), { code: 'postgres' });
      assert.ok(server.heard().includes(password));
    });

  test('with require_auth=scram-sha-256 alone: a proof, from which a weak password can be guessed', async () => {
    await using server = await startRoguePostgres({
      tls: 'refused',
      answers: [plain, scramFirst, fatal('enough')],
    });
    await assert.rejects(connect(server.port, 'require_auth=scram-sha-256'), { message: /enough/ });
    assert.ok(!server.heard().includes(password));
    assert.ok(server.heard().includes(',p='));
  });
});

async function connect(port: number, options: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const connection = await connectPostgres({
    connectionString: new Secret(`host=127.0.0.1 port=${port} user=postgres password=${password} ${options}`),
    signal: AbortSignal.timeout(10_000),
    env: { HOME: '/nonexistent', ...env },
  });
  await connection.close();
}

/** Neither the password nor a message with a proof of it, which could be guessed from. */
function assertKeptSecret(heard: Buffer): void {
  assert.ok(!heard.includes(password));
  assert.ok(!heard.includes('md5'));
  assert.ok(!heard.includes(',p='));
}

function homeWith(files: Readonly<Record<string, string>>): string {
  const home = temporaryDirectory('home', { keepOwner: true });
  mkdirSync(join(home, '.postgresql'));
  for (const [name, from] of Object.entries(files)) copyFileSync(from, join(home, '.postgresql', name));
  return home;
}
