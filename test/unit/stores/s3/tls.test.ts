import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { openStore, type StoreSettings } from '../../../../src/stores/open.ts';
import { createS3Store } from '../../../../src/stores/s3/store.ts';
import { s3OptionsOf } from '../../../../src/stores/s3/url.ts';
import { put, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { startS3Server, type S3Server } from '../../../support/servers/s3/server.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

describe('s3: TLS', () => {
  let server: S3Server;
  let certFile: string;
  let settings: StoreSettings;
  beforeAll(async () => {
    const directory = temporaryDirectory('tls', { keepOwner: true });
    certFile = join(directory, 'cert.pem');
    const keyFile = join(directory, 'key.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=walvault test', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' }); // prettier-ignore
    server = await startS3Server({
      tls: { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') },
    });
    settings = {
      url: server.url,
      accessKeyId: new Secret(server.accessKeyId),
      secretAccessKey: new Secret(server.secretAccessKey),
    };
  });
  afterAll(() => server.close());

  it('trusts the authority it is given', async () => {
    const store = await openStore({ ...settings, caFile: certFile });
    await put(store, 'a', 'over tls');
    assert.equal((await read(store, 'a')).toString(), 'over tls');
    assert.equal(await store.refusesWrongChecksum?.('probe', { signal }), true);
    await store.close();
  });

  it('trusts nobody else, and says what to do', async () => {
    const store = await createS3Store(s3OptionsOf(new URL(server.url), settings));
    await rejectsAs('unreachable', put(store, 'b', 'x'));
    await assert.rejects(put(store, 'b', 'x'), (error: WalvaultError) => /ca-file/.test(error.hint ?? ''));
    await store.close();
  });

  it('trusts anybody where it is told to', async () => {
    const store = await openStore({ ...settings, verifyTls: false });
    await put(store, 'c', 'x');
    await store.close();
  });

  it('an authority that cannot be read is a mistake of configuration', async () => {
    await assert.rejects(openStore({ ...settings, caFile: '/nonexistent.pem' }), (error: unknown) => {
      assert(error instanceof WalvaultError);
      assert.equal(error.code, 'config');
      assert.match(error.message, /nonexistent\.pem/);
      return true;
    });
  });
});
