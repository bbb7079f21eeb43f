/** How the Azure driver proves who asks, and that it tells nobody else. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { createAzureStore } from '../../../../src/stores/azure/store.ts';
import { azureOptionsOf } from '../../../../src/stores/azure/url.ts';
import { openStore, type StoreSettings } from '../../../../src/stores/open.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import {
  inPieces,
  names,
  put,
  randomBody,
  read,
  rejectsAs,
  signal,
} from '../../../contract/contract-driver.ts';
import { startAzurite, type Azurite } from '../../../support/servers/azurite.ts';

let azurite: Azurite;

beforeAll(async () => {
  azurite = await startAzurite();
});

afterAll(() => azurite.close());

async function withStore(
  settings: Omit<StoreSettings, 'url'>,
  work: (store: Store) => Promise<void>,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const { url } = azurite;
  const store = await createAzureStore(azureOptionsOf(new URL(url), { url, ...settings }, env));
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

function sasToken(permissions: string): Secret {
  const expiresOn = new Date(Date.now() + 3_600_000);
  const values = {
    containerName: azurite.container,
    permissions: ContainerSASPermissions.parse(permissions),
    protocol: SASProtocol.HttpsAndHttp,
    expiresOn,
  };
  const credential = new StorageSharedKeyCredential(azurite.account, azurite.accountKey);
  return new Secret(generateBlobSASQueryParameters(values, credential).toString());
}

describe('azure: credentials', () => {
  it('an account key, also from the variables of the command line', async () => {
    await withStore({ accountKey: new Secret(azurite.accountKey) }, store => put(store, 'key', 'x'));
    await withStore({}, store => put(store, 'key2', 'x'), { AZURE_STORAGE_KEY: azurite.accountKey });
  });

  it('a shared access signature, and what it does not allow is denied', async () => {
    await withStore({ sasToken: sasToken('rcwdl') }, async store => {
      await put(store, 'sas', 'x');
      assert.equal((await read(store, 'sas')).toString(), 'x');
    });
    await withStore({ sasToken: sasToken('r') }, async store => {
      assert.equal((await read(store, 'sas')).toString(), 'x');
      await rejectsAs('denied', put(store, 'sas2', 'x'));
    });
  });

  it('signatures with the permissions of docs/permissions.md', async () => {
    const withRights = (rights: string, work: (store: Store) => Promise<void>) =>
      withStore({ sasToken: sasToken(rights) }, work);
    const long = () => inPieces(randomBody(9 * 1024 * 1024));
    await withRights('rcl', async store => {
      await put(store, 'pushed', 'x');
      await rejectsAs('exists', put(store, 'pushed', 'y'));
      await rejectsAs('denied', put(store, 'pushed', 'y', { ifAbsent: false }));
      assert.equal((await read(store, 'pushed')).toString(), 'x');
      assert.equal((await store.delete(['pushed'], { signal }))[0]?.error.kind, 'denied');
      await rejectsAs('denied', put(store, 'long', long()));
    });
    await withRights('rcwl', async store => {
      await put(store, 'long', long());
      assert.equal((await store.delete(['long'], { signal }))[0]?.error.kind, 'denied');
    });
    await withRights('rl', async store => {
      assert.equal((await read(store, 'pushed')).toString(), 'x');
      assert.deepEqual(await names(store, { prefix: 'pushed' }), ['pushed']);
      await rejectsAs('denied', put(store, 'other', 'x'));
    });
    await withRights('rwl', async store => {
      await azurite.client.getBlobClient('repository/pushed').setAccessTier('Archive');
      assert.equal(await store.thaw?.('pushed', { days: 1, speed: 'bulk', signal }), 'requested');
    });
    await withRights('rcwdl', async store => {
      await put(store, 'probe', 'x', { ifAbsent: false });
      assert.deepEqual(await store.delete(['pushed', 'long', 'probe'], { signal }), []);
    });
  });

  it('a connection string with either', async () => {
    const fields = `DefaultEndpointsProtocol=http;AccountName=${azurite.account};BlobEndpoint=${azurite.endpoint}`;
    for (const secret of [
      `AccountKey=${azurite.accountKey}`,
      `SharedAccessSignature=${sasToken('rcwdl').reveal()}`,
    ]) {
      const url = `azure://${azurite.account}/${azurite.container}/repository`;
      const store = await openStore({ url, connectionString: new Secret(`${fields};${secret}`) });
      await put(store, `string-${secret.length}`, 'x');
      await store.close();
    }
  });

  it('several kinds, another account, or nothing useful in it are mistakes of configuration', () => {
    const secret = new Secret('planted-secret');
    const other = new Secret('AccountName=other;AccountKey=planted-secret');
    const empty = new Secret(`AccountName=${azurite.account};Nothing=planted-secret`);
    for (const settings of [
      { accountKey: secret, sasToken: secret },
      { connectionString: other },
      { connectionString: empty },
    ])
      assert.throws(
        () => azureOptionsOf(new URL(azurite.url), { url: azurite.url, ...settings }, {}),
        (error: unknown) => {
          assert(error instanceof WalvaultError);
          assert.equal(error.code, 'config');
          assert.doesNotMatch(inspect(error, { depth: 9 }), /planted-secret/);
          return error.hint !== undefined;
        },
      );
  });

  it('variables of another account are left alone', () => {
    const env = { AZURE_STORAGE_ACCOUNT: 'other', AZURE_STORAGE_KEY: 'x' };
    const options = azureOptionsOf(new URL(azurite.url), { url: azurite.url }, env);
    assert.equal(options.credentials.kind, 'identity');
  });

  it('no error shows a key or a signature', async () => {
    const planted = Buffer.from('planted-secret-planted-secret').toString('base64');
    const sas = new Secret(`sv=2024-11-04&sr=c&sp=rcwdl&se=2099-01-01&sig=${encodeURIComponent(planted)}`);
    for (const settings of [{ accountKey: new Secret(planted) }, { sasToken: sas }])
      await withStore(settings, async store => {
        for (const work of [
          () => store.get('a', { signal }),
          () => put(store, 'a', 'x'),
          () => store.head('a', { signal }),
        ])
          await assert.rejects(work(), (error: unknown) => {
            const shown = inspect(error, { depth: 9, showHidden: true });
            assert(!shown.includes(planted) && !shown.includes(encodeURIComponent(planted)), shown);
            assert.doesNotMatch(shown, /SharedKey|sig=/);
            return error instanceof StoreError && error.kind === 'denied';
          });
        assert.doesNotMatch(store.url, /sig|planted/);
      });
  });

  it('a signature in the URL is refused and not repeated', async () => {
    await assert.rejects(openStore({ url: `${azurite.url}&sig=planted-secret` }), (error: unknown) => {
      assert.doesNotMatch(inspect(error), /planted-secret/);
      return error instanceof WalvaultError && error.code === 'config';
    });
  });
});
