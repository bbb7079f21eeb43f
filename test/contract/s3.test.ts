/**
 * The S3 driver against the imitation; and, when WALVAULT_TEST_S3_URL names one, against a real service as well. That
 * bucket must exist; the credentials are WALVAULT_TEST_S3_ACCESS_KEY_ID and WALVAULT_TEST_S3_SECRET_ACCESS_KEY.
 */
import { randomUUID } from 'node:crypto';
import { Secret } from '../../src/base/secret.ts';
import { openStore } from '../../src/stores/open.ts';
import { createS3Store } from '../../src/stores/s3/store.ts';
import { s3OptionsOf } from '../../src/stores/s3/url.ts';
import { startS3Server } from '../support/servers/s3/server.ts';
import { runStoreContract } from './store-contract.ts';

/** The service's own minimum, so that a long object is one of more than 5 MiB. */
const partSizeBytes = 5 * 1024 * 1024;

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

runStoreContract(
  {
    name: 's3 (imitation)',
    async open() {
      const server = await startS3Server();
      const stores = await openStores(server.url, server);
      return {
        ...stores,
        leftovers: async () => [...server.contents.uploads.values()].map(upload => upload.key),
        async damage(key, how) {
          const object = server.contents.objects.get(`repository/${key}`);
          if (object === undefined) throw new Error(`no object ${key}`);
          const data = Buffer.from(object.data);
          data.writeUInt8(data.readUInt8(1000) ^ 1, 1000);
          object.data = how === 'cut' ? data.subarray(0, 100) : data;
        },
        async close() {
          await stores.close();
          await server.close();
        },
      };
    },
  },
  ['withoutContainer', 'asDenied', 'leftovers', 'damage'],
);

const realUrl = process.env['WALVAULT_TEST_S3_URL'];
if (realUrl !== undefined)
  runStoreContract(
    {
      name: `s3 (${realUrl})`,
      open: () =>
        openStores(withRandomPrefix(realUrl), {
          accessKeyId: process.env['WALVAULT_TEST_S3_ACCESS_KEY_ID'] ?? '',
          secretAccessKey: process.env['WALVAULT_TEST_S3_SECRET_ACCESS_KEY'] ?? '',
        }),
    },
    ['withoutContainer', 'asDenied'],
  );

async function openStores(url: string, { accessKeyId, secretAccessKey }: Credentials) {
  const settings = {
    url,
    accessKeyId: new Secret(accessKeyId),
    secretAccessKey: new Secret(secretAccessKey),
    caFile: process.env['WALVAULT_TEST_S3_CA_FILE'],
  };
  const options = { ...s3OptionsOf(new URL(url), settings), partSizeBytes };
  const store = await createS3Store(options);
  const second = await openStore(settings);
  const withoutContainer = await createS3Store({ ...options, bucket: 'walvault-no-such-bucket' });
  const denied = await createS3Store({
    ...options,
    credentials: { accessKeyId: new Secret(accessKeyId), secretAccessKey: new Secret('wrong') },
  });
  return {
    store,
    second,
    withoutContainer,
    asDenied: (work: (store: typeof denied) => Promise<void>) => work(denied),
    boundaryBytes: partSizeBytes,
    close: async () => {
      await Promise.all([store, second, withoutContainer, denied].map(store => store.close()));
    },
  };
}

function withRandomPrefix(text: string): string {
  const url = new URL(text);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/contract-${randomUUID()}`;
  return url.href;
}
