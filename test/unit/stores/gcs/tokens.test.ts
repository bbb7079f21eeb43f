/**
 * Where tokens for Cloud Storage come from besides a file in the configuration: the places of application default
 * credentials, each against a small token service, over TLS with a private authority and through a proxy.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Compute } from 'google-auth-library';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { createHttpAgents } from '../../../../src/stores/driver-kit/http-agents.ts';
import { createIdentity } from '../../../../src/stores/gcs/identity.ts';
import { createGcsStore, type GcsStoreOptions } from '../../../../src/stores/gcs/store.ts';
import { put, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { makeCertificates, type Certificates } from '../../../support/servers/certificates.ts';
import { startConnectProxy } from '../../../support/servers/connect-proxy.ts';
import { withEnvironment } from '../../../support/site/environment.ts';
import { startGcsServer, type GcsServer } from '../../../support/servers/gcs/server.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { startTokenServer, type TokenServer } from '../../../support/servers/token-server.ts';
import type { Store } from '../../../../src/stores/store.ts';

describe('gcs: tokens', () => {
  let certificates: Certificates;
  let server: GcsServer;
  let directory: string;
  const unset: NodeJS.ProcessEnv = {
    GOOGLE_APPLICATION_CREDENTIALS: undefined,
    GCE_METADATA_HOST: undefined,
    GCE_METADATA_IP: undefined,
    METADATA_SERVER_DETECTION: 'none',
    HTTPS_PROXY: undefined,
    NO_PROXY: undefined,
  };

  beforeAll(async () => {
    certificates = makeCertificates();
    server = await startGcsServer({ tls: certificates });
    directory = temporaryDirectory('gcs-tokens', { keepOwner: true });
    writeFileSync(join(directory, 'subject'), server.subjectToken);
  });
  afterAll(() => server.close());

  async function withStore(
    env: NodeJS.ProcessEnv,
    work: (store: Store) => Promise<void>,
    options: Partial<GcsStoreOptions> = { caFile: certificates.caFile },
  ): Promise<void> {
    await withEnvironment({ ...unset, CLOUDSDK_CONFIG: directory, ...env }, async () => {
      const { bucket, endpoint } = server;
      const store = await createGcsStore({
        url: `gs://${bucket}/p`,
        bucket,
        prefix: 'p',
        endpoint,
        timeoutMs: 5000,
        ...options,
      });
      try {
        await work(store);
      } finally {
        await store.close();
      }
    });
  }
  async function works(key: string, store: Store): Promise<void> {
    await put(store, key, 'x');
    assert.equal((await read(store, key)).toString(), 'x');
  }
  function workload(name: string): string {
    const path = join(directory, name);
    writeFileSync(path, JSON.stringify(server.workloadIdentity(join(directory, 'subject'))));
    return path;
  }

  function startMetadata(status: () => number): Promise<TokenServer> {
    const json = { access_token: server.issueToken(), expires_in: 3600, token_type: 'Bearer' };
    return startTokenServer(() => ({
      status: status(),
      headers: { 'metadata-flavor': 'Google' },
      json,
    }));
  }

  it('the file that gcloud writes where everybody looks', async () => {
    const configuration = join(directory, 'gcloud');
    mkdirSync(configuration);
    const file = join(configuration, 'application_default_credentials.json');
    writeFileSync(file, JSON.stringify(server.serviceAccount));
    await withStore({ CLOUDSDK_CONFIG: configuration }, store => works('gcloud', store));
    writeFileSync(file, JSON.stringify(server.workloadIdentity(join(directory, 'subject'))));
    await withStore({ CLOUDSDK_CONFIG: configuration }, store => works('gcloud-workload', store));
  });

  it('the exchange of tokens trusts whom the store trusts, and goes by the proxy', async () => {
    const env = { GOOGLE_APPLICATION_CREDENTIALS: workload('default.json') };
    const proxy = await startConnectProxy();
    try {
      await withStore({ ...env, HTTPS_PROXY: proxy.url }, store => works('by-proxy', store));
      const host = `CONNECT ${new URL(server.endpoint).host}`;
      assert.deepEqual(proxy.asked, [host, host], 'one connection for the token, one for the store');
      const before = server.requests.length;
      await withStore({ ...env, HTTPS_PROXY: 'http://127.0.0.1:1' }, store =>
        rejectsAs('unreachable', store.get('a', { signal })),
      );
      assert.equal(server.requests.length, before, 'nothing went past the proxy');
      const past = { ...env, HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.1' };
      await withStore(past, store => works('past', store));
    } finally {
      await proxy.close();
    }
    await withStore(env, store => rejectsAs('unreachable', store.get('a', { signal })), {});
    await withStore(env, store => works('trusting', store), { verifyTls: false });
    const named = { credentialsFile: workload('named.json'), caFile: certificates.caFile };
    await withStore({}, store => works('named', store), named);
  });

  it('the metadata service of a virtual machine', async () => {
    const token = server.issueToken();
    const metadata = await startTokenServer(({ headers, path }) => {
      const flavour = { 'metadata-flavor': 'Google' };
      if (headers['metadata-flavor'] !== 'Google') return { status: 403, headers: flavour };
      return path.includes('/token')
        ? { headers: flavour, json: { access_token: token, expires_in: 3600, token_type: 'Bearer' } }
        : { headers: { ...flavour, 'content-type': 'text/plain' }, text: 'ok' };
    });
    const env = {
      GCE_METADATA_HOST: new URL(metadata.url).host,
      METADATA_SERVER_DETECTION: 'assume-present',
    };
    try {
      await withStore(env, store => works('metadata', store));
      assert(metadata.requests.some(({ path }) => path.includes('/service-accounts/default/token')));
    } finally {
      await metadata.close();
    }
  });

  it('a metadata service that is away passes, one that refuses does not', async () => {
    let status = 503;
    const metadata = await startMetadata(() => status);
    const env = { GCE_METADATA_HOST: new URL(metadata.url).host, METADATA_SERVER_DETECTION: undefined };
    try {
      await withStore({ ...env, GCE_METADATA_HOST: '127.0.0.1:9' }, store =>
        rejectsAs('unreachable', store.get('a', { signal })),
      );
      await withStore(env, async store => {
        await rejectsAs('unreachable', store.get('a', { signal }));
        status = 404;
        await rejectsAs('denied', store.get('a', { signal }));
        status = 200;
        await works('metadata-back', store);
      });
    } finally {
      await metadata.close();
    }
  });

  it('a host of Google that names no metadata service has one all the same, whether or not it answers now', async () => {
    const agents = await createHttpAgents({ isDownload: () => false, timeoutMs: 5000 });
    const env = { ...unset, CLOUDSDK_CONFIG: directory, METADATA_SERVER_DETECTION: undefined };
    await withEnvironment(env, async () => {
      assert.ok((await createIdentity(undefined, agents, () => true)) instanceof Compute);
    });
    const none = { ...env, METADATA_SERVER_DETECTION: 'none' };
    await withEnvironment(none, () => assert.rejects(createIdentity(undefined, agents, () => true), /default credentials/)); // prettier-ignore
    agents.destroy();
  });

  it('a metadata service that takes connections and says nothing is unreachable', async () => {
    const silent = createServer();
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const env = { GCE_METADATA_HOST: `127.0.0.1:${port}`, METADATA_SERVER_DETECTION: undefined };
    // The library waits three seconds, four times.
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    vi.spyOn(AbortSignal, 'timeout').mockImplementation(ms => timeout(ms / 50));
    try {
      await withStore(env, store => rejectsAs('unreachable', store.get('a', { signal })), {
        timeoutMs: 60_000,
      });
    } finally {
      silent.close();
    }
  });

  it('a host that could not be recognized as one of Google is asked again', async () => {
    let status = 404;
    const metadata = await startMetadata(() => status);
    const env = { GCE_METADATA_HOST: new URL(metadata.url).host, METADATA_SERVER_DETECTION: 'ping-only' };
    try {
      await withStore(env, async store => {
        await rejectsAs('denied', store.get('a', { signal }));
        status = 200;
        await works('metadata-asked-again', store);
      });
    } finally {
      await metadata.close();
    }
  });
});
