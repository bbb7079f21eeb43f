/** The Azure driver against Azurite. */
import { randomBytes } from 'node:crypto';
import { Secret } from '../../src/base/secret.ts';
import { createAzureStore } from '../../src/stores/azure/store.ts';
import { azureOptionsOf } from '../../src/stores/azure/url.ts';
import { openStore } from '../../src/stores/open.ts';
import { startAzurite } from '../support/servers/azurite.ts';
import { runStoreContract } from './store-contract.ts';

const partSizeBytes = 1024 * 1024;

runStoreContract(
  {
    name: 'azure (azurite)',
    async open() {
      const server = await startAzurite();
      const settings = { url: server.url, accountKey: new Secret(server.accountKey) };
      const options = { ...azureOptionsOf(new URL(server.url), settings, {}), partSizeBytes };
      const store = await createAzureStore(options);
      const second = await openStore(settings);
      const withoutContainer = await createAzureStore({ ...options, container: 'walvault-no-such' });
      const denied = await createAzureStore({
        ...options,
        credentials: { kind: 'account-key', accountKey: new Secret(randomBytes(64).toString('base64')) },
      });
      return {
        store,
        second,
        withoutContainer,
        asDenied: work => work(denied),
        boundaryBytes: partSizeBytes,
        async damage(key, how) {
          const blob = server.client.getBlockBlobClient(`repository/${key}`);
          const { metadata } = await blob.getProperties();
          const data = await blob.downloadToBuffer();
          data.writeUInt8(data.readUInt8(1000) ^ 1, 1000);
          const damaged = how === 'cut' ? data.subarray(0, 100) : data;
          await blob.upload(damaged, damaged.length, { ...(metadata && { metadata }) });
        },
        async close() {
          await Promise.all([store, second, withoutContainer, denied].map(store => store.close()));
          await server.close();
        },
      };
    },
  },
  ['withoutContainer', 'asDenied', 'damage'],
);
