import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { Secret } from '../../../../../src/base/secret.ts';
import { authenticationRuleOf } from '../../../../../src/postgres/server/libpq/authentication.ts';
import { parseConnectionString } from '../../../../../src/postgres/server/libpq/connection-string.ts';
import { resolveTarget } from '../../../../../src/postgres/server/libpq/connection-target.ts';
import { findPassword } from '../../../../../src/postgres/server/libpq/password-file.ts';
import { parseService } from '../../../../../src/postgres/server/libpq/service-file.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

describe('connection strings', () => {
  const cases: readonly (readonly [string, Record<string, string>])[] = [
    ['', {}],
    ['orders', { dbname: 'orders' }],
    ['host=/tmp port = 5433', { host: '/tmp', port: '5433' }],
    [String.raw`user='o\'neil' password='a b\\c' dbname=''`, { user: "o'neil", password: String.raw`a b\c`, dbname: '' }],
    ['postgresql://', {}],
    ['postgres://u:p%40ss@db.example:5433/orders?sslmode=require', { user: 'u', password: 'p@ss', host: 'db.example', port: '5433', dbname: 'orders', sslmode: 'require' }],
    ['postgresql://%2Fvar%2Frun/db', { host: '/var/run', dbname: 'db' }],
    ['postgresql:///db?host=/tmp&port=6000', { host: '/tmp', port: '6000', dbname: 'db' }],
    ['postgresql://[::1]:5434', { host: '::1', port: '5434' }],
    ['postgresql://a:1,b:2/x', { host: 'a,b', port: '1,2', dbname: 'x' }],
    ['postgresql://h/d?ssl=true', { host: 'h', dbname: 'd', sslmode: 'require' }],
  ]; // prettier-ignore
  for (const [text, expected] of cases)
    test(text === '' ? 'nothing' : text, () => {
      assert.deepEqual(Object.fromEntries(parseConnectionString(text)), expected);
    });
  for (const text of [
    "host='open",
    'host=a b',
    'postgresql://h:port/d',
    'postgresql://h/d?novalue',
    'postgresql://%zz/',
  ])
    test(`${text} is refused without being repeated`, () => {
      assert.throws(
        () => parseConnectionString(text),
        (error: Error & { code: string }) => error.code === 'config' && !error.message.includes(text),
      );
    });
});

describe('where to connect', () => {
  test('the string wins over the service, the service over the environment', async () => {
    const file = join(temporaryDirectory('service', { keepOwner: true }), 'services');
    writeFileSync(file, '[main]\nhost=from-service\nport=1111\n');
    const env = { PGSERVICEFILE: file, PGSERVICE: 'main', PGPORT: '2222', PGUSER: 'from-env', PGHOST: 'x' };
    const target = await resolveTarget(new Secret('port=3333'), env);
    assert.deepEqual(target.places, [{ host: 'from-service', address: 'from-service', port: 3333 }]);
    assert.equal(target.user, 'from-env');
    assert.equal(target.database, 'from-env');
    await assert.rejects(resolveTarget(undefined, { ...env, PGSERVICE: 'gone' }), {
      code: 'config',
      message: /"gone" is not defined/,
    });
  });
  for (const [text, message] of [
    ['port=0', /port "0" is not a port/],
    ['host=a,b,c port=1,2', /not one entry for each host/],
    ['sslmode=often', /sslmode "often" is none of/],
    ['connect_timeout=soon', /connect_timeout/],
    ['host=a replication=true', /replication/],
    ['host=a sslmod=verify-full', /^postgres connection: unknown option "sslmod"$/],
    ['postgresql://a/b?ssl=require', /unknown option "ssl"/],
    ['host=a channel_binding=often', /channel_binding "often" is none of require, prefer, disable/],
    ['host=a require_auth=ldap', /require_auth "ldap" is none of password, md5, scram-sha-256, gss/],
    ['host=a require_auth=md5,!password', /mixes methods/],
    ['host=a require_auth=md5,md5', /names a method twice/],
    ['host=a require_auth=gss', /require_auth=gss is not possible/],
    ['host=a sslcertmode=require', /sslcertmode=require is not possible/],
    ['host=a sslsni=0', /sslsni=0 is not possible/],
    ['host=a gssencmode=require', /gssencmode=require is not possible/],
    ['host=a min_protocol_version=3.2', /min_protocol_version=3.2 is not possible/],
    ['host=a sslrootcert=system sslmode=require', /"require" is too weak for sslrootcert=system/],
    ['host=a sslnegotiation=direct', /"prefer" is too weak for sslnegotiation=direct/],
    ['host=a sslnegotiation=often', /sslnegotiation "often" is none of/],
    ['host=a ssl_max_protocol_version=TLSv1.1', /less than the least/],
    ['host=a,b target_session_attrs=primary', /target_session_attrs=primary is not possible/],
    ['ssl_min_protocol_version=TLS1.3', /"TLS1.3" is none of/],
  ] as const)
    test(`${text} is refused`, async () => {
      await assert.rejects(resolveTarget(new Secret(text), {}), { code: 'config', message });
    });
});

test('an option that libpq has is accepted, and a demand in the environment is not passed over', async () => {
  const text = 'host=a application_name=x keepalives=1 target_session_attrs=any gssencmode=disable sslsni=1';
  assert.equal((await resolveTarget(new Secret(text), { PGUSER: 'u' })).places.length, 1);
  await assert.rejects(resolveTarget(undefined, { PGUSER: 'u', PGREQUIREPEER: 'postgres' }), /requirepeer/);
});

test('what libpq would have made of it: obsolete words, a standard that another option raises, empty values', async () => {
  const modeOf = async (text: string, env: NodeJS.ProcessEnv = {}) =>
    (await resolveTarget(new Secret(text), { PGUSER: 'u', ...env })).sslMode;
  assert.equal(await modeOf('host=a requiressl=1'), 'require');
  assert.equal(await modeOf('host=a', { PGREQUIRESSL: '1' }), 'require');
  assert.equal(await modeOf('host=a sslmode=verify-ca', { PGREQUIRESSL: '1' }), 'verify-ca');
  assert.equal(await modeOf('host=a sslrootcert=system'), 'verify-full');
  assert.equal(await modeOf("host=a require_auth='' sslcertmode=''"), 'prefer');
});

test('require_auth in all its forms', () => {
  const rule = (text: string) => {
    const { allowed, isRequired } = authenticationRuleOf(text, undefined);
    return [[...allowed].join(' '), isRequired];
  };
  assert.deepEqual(rule('scram-sha-256'), ['scram-sha-256', true]);
  assert.deepEqual(rule('md5, scram-sha-256,none'), ['md5 scram-sha-256', false]);
  assert.deepEqual(rule('none'), ['', false]);
  assert.deepEqual(rule('!password'), ['md5 scram-sha-256', false]);
  assert.deepEqual(rule('!password,!md5,!none'), ['scram-sha-256', true]);
});

test('a misspelt option of a service is named with its line', () => {
  assert.throws(() => parseService('[main]\nhost=a\nusr=b\n', 'main', 'services'), {
    code: 'config',
    message: 'services: line 3: unknown option "usr"',
    hint: 'Did you mean user?',
  });
});

test('a password file: the first line that fits, with wildcards and escapes', () => {
  const text = '# note\nh:5432:db:u:first\n*:*:*:o\\:u:colon\n*:*:*:u:a\\\\b:ignored\n[::1]:1:*:*:six\n';
  const find = (host: string, port: number, database: string, user: string) =>
    findPassword(text, { hosts: [host], port, database, user })?.reveal();
  assert.equal(find('h', 5432, 'db', 'u'), 'first');
  assert.equal(find('h', 5432, 'other', 'u'), String.raw`a\b`);
  assert.equal(find('h', 5432, 'db', 'o:u'), 'colon');
  assert.equal(find('h', 5432, 'db', 'nobody'), undefined);
});

test('a service file: the first section of the name, and a wrong line in it is an error', () => {
  const text = '[a]\nhost=x\n[b]\nnonsense\n[a]\nhost=y\n';
  assert.deepEqual(Object.fromEntries(parseService(text, 'a', 'f') ?? []), { host: 'x' });
  assert.equal(parseService(text, 'c', 'f'), undefined);
  assert.throws(() => parseService(text, 'b', 'f'), {
    code: 'config',
    message: 'f: line 4 is not parameter=value',
  });
});
