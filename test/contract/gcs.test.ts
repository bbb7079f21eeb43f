/** The Cloud Storage driver against the imitation, with tokens that a service account signs. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGcsStore } from '../../src/stores/gcs/store.ts';
import { gcsOptionsOf } from '../../src/stores/gcs/url.ts';
import { openStore } from '../../src/stores/open.ts';
import { startGcsServer } from '../support/servers/gcs/server.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { runStoreContract } from './store-contract.ts';

const partSizeBytes = 1024 * 1024;

runStoreContract(
  {
    name: 'gcs (imitation)',
    async open() {
      const server = await startGcsServer();
      const directory = temporaryDirectory('gcs', { keepOwner: true });
      const credentialsFile = join(directory, 'account.json');
      writeFileSync(credentialsFile, JSON.stringify(server.serviceAccount));
      const strangersFile = join(directory, 'stranger.json');
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const strange = {
        ...server.serviceAccount,
        private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      };
      writeFileSync(strangersFile, JSON.stringify(strange));

      const settings = { url: server.url, credentialsFile };
      const options = { ...gcsOptionsOf(new URL(server.url), settings), partSizeBytes };
      const store = await createGcsStore(options);
      const second = await openStore(settings);
      const withoutContainer = await createGcsStore({ ...options, bucket: 'walvault-no-such-bucket' });
      const denied = await createGcsStore({ ...options, credentialsFile: strangersFile });
      return {
        store,
        second,
        withoutContainer,
        asDenied: work => work(denied),
        boundaryBytes: partSizeBytes,
        leftovers: async () =>
          [...server.contents.uploads.values()]
            .filter(upload => upload.result === undefined)
            .map(upload => upload.resource.name),
        async damage(key, how) {
          const object = server.contents.find(`repository/${key}`);
          const data = Buffer.from(object.data);
          data.writeUInt8(data.readUInt8(1000) ^ 1, 1000);
          object.data = how === 'cut' ? data.subarray(0, 100) : data;
        },
        async close() {
          await Promise.all([store, second, withoutContainer, denied].map(store => store.close()));
          await server.close();
        },
      };
    },
  },
  ['withoutContainer', 'asDenied', 'leftovers', 'damage'],
);
