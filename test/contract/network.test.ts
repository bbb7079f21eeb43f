/** One table of faults of the network, every driver that uses one. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { createAzureStore } from '../../src/stores/azure/store.ts';
import { azureOptionsOf } from '../../src/stores/azure/url.ts';
import type { DriverSettings } from '../../src/stores/driver-kit/driver-settings.ts';
import { createGcsStore } from '../../src/stores/gcs/store.ts';
import { gcsOptionsOf } from '../../src/stores/gcs/url.ts';
import { openStore } from '../../src/stores/open.ts';
import { createS3Store } from '../../src/stores/s3/store.ts';
import { s3OptionsOf } from '../../src/stores/s3/url.ts';
import { StoreError, type Store } from '../../src/stores/store.ts';
import { startAzurite } from '../support/servers/azurite.ts';
import { startGcsServer } from '../support/servers/gcs/server.ts';
import { startS3Server } from '../support/servers/s3/server.ts';
import { startTcpFaultProxy, type TcpFaultProxy } from '../support/faults/tcp-fault-proxy.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { signal } from './contract-driver.ts';
import { networkCases } from './network-cases.ts';

interface Service {
  /** Of the service itself; its host and port are replaced by the proxy's. */
  readonly settings: DriverSettings;
  readonly endpoint: string;
  /** The driver without decorators. */
  open(settings: DriverSettings): Promise<Store>;
  close(): Promise<void>;
}

const services: Readonly<Record<string, () => Promise<Service>>> = {
  async s3() {
    const server = await startS3Server();
    const { accessKeyId, secretAccessKey, url, endpoint } = server;
    return {
      settings: {
        url: `${url}&part-size-mib=5`,
        accessKeyId: new Secret(accessKeyId),
        secretAccessKey: new Secret(secretAccessKey),
      },
      endpoint,
      open: settings => createS3Store(s3OptionsOf(new URL(settings.url), settings)),
      close: () => server.close(),
    };
  },
  async gcs() {
    const server = await startGcsServer();
    const credentialsFile = join(temporaryDirectory('gcs', { keepOwner: true }), 'account.json');
    writeFileSync(credentialsFile, JSON.stringify(server.serviceAccount));
    return {
      settings: { url: `${server.url}&part-size-mib=5`, credentialsFile },
      endpoint: server.endpoint,
      open: settings => createGcsStore(gcsOptionsOf(new URL(settings.url), settings)),
      close: () => server.close(),
    };
  },
  async azure() {
    const server = await startAzurite();
    return {
      settings: { url: `${server.url}&part-size-mib=5`, accountKey: new Secret(server.accountKey) },
      endpoint: server.endpoint,
      open: settings => createAzureStore(azureOptionsOf(new URL(settings.url), settings, {})),
      close: () => server.close(),
    };
  },
};

for (const [name, start] of Object.entries(services))
  describe(`a network that misbehaves: ${name}`, () => {
    let service: Service;
    let proxy: TcpFaultProxy;
    let near: Store;
    let store: Store;
    let patient: Store;
    beforeAll(async () => {
      service = await start();
      const { hostname, port } = new URL(service.endpoint);
      proxy = await startTcpFaultProxy({ host: hostname, port: Number(port) });
      near = await service.open(service.settings);
    });
    afterAll(async () => {
      await near.close();
      await proxy.close();
      await service.close();
    });
    beforeEach(async () => {
      store = await connect(500);
      patient = await openStore({ ...throughProxy(), timeoutMs: 2000 });
    });
    afterEach(async () => {
      proxy.setFault({ kind: 'none' });
      await Promise.all([store.close(), patient.close()]);
    });

    const throughProxy = () => at(service, `${proxy.host}:${proxy.port}`);
    const connect = (timeoutMs: number) => service.open({ ...throughProxy(), timeoutMs });

    for (const [index, { name, run }] of networkCases.entries())
      it(name, () => run({ proxy, store, connect, patient, near, prefix: `case-${index}` }));

    it('a port where nobody listens, and a name that nobody knows', async () => {
      for (const [host, message] of [
        ['127.0.0.1:1', /connection refused/],
        ['no-such-host.invalid', /host name is not known|name service does not answer/],
      ] as const) {
        // A plain endpoint elsewhere is refused unless this is said.
        const nobody = await service.open({ ...at(service, host), verifyTls: false });
        await assert.rejects(nobody.get('a', { signal }), error => {
          assert(error instanceof StoreError, String(error));
          assert.equal(error.kind, 'unreachable');
          assert.match(error.message, message);
          return true;
        });
        await nobody.close();
      }
    });
  });

/** The same service at another address. */
function at({ settings, endpoint }: Service, host: string): DriverSettings {
  const url = new URL(settings.url);
  const elsewhere = new URL(endpoint);
  elsewhere.host = host;
  if (!host.includes(':')) elsewhere.port = '';
  url.searchParams.set('endpoint', elsewhere.href.replace(/\/$/, ''));
  return { ...settings, url: url.href };
}
