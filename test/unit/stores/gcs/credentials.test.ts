/** How the Cloud Storage driver proves who asks, and that it tells nobody else. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { createGcsStore, type GcsStoreOptions } from '../../../../src/stores/gcs/store.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import { put, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { startGcsServer, type GcsServer } from '../../../support/servers/gcs/server.ts';
import { withEnvironment } from '../../../support/site/environment.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const adcVariable = 'GOOGLE_APPLICATION_CREDENTIALS';
let server: GcsServer;
let directory: string;

beforeAll(async () => {
  server = await startGcsServer();
  directory = temporaryDirectory('gcs', { keepOwner: true });
});

afterAll(() => server.close());

function fileWith(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function withStore(options: Partial<GcsStoreOptions>, work: (store: Store) => Promise<void>) {
  const store = await createGcsStore({
    url: server.url,
    bucket: server.bucket,
    prefix: 'p',
    endpoint: server.endpoint,
    timeoutMs: 5000,
    ...options,
  });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

describe('gcs: credentials', () => {
  it('a service account signs its own tokens and asks nobody for one', async () => {
    const credentialsFile = fileWith('account.json', server.serviceAccount);
    await withStore({ credentialsFile }, async store => {
      const before = server.requests.length;
      await put(store, 'account', 'x');
      assert.equal((await read(store, 'account')).toString(), 'x');
      assert.equal(server.requests.length, before + 2);
    });
  });

  it('workload identity exchanges the token of the platform for one of the service', async () => {
    const subjectFile = fileWith('subject', server.subjectToken);
    const credentialsFile = fileWith('workload.json', server.workloadIdentity(subjectFile));
    await withStore({ credentialsFile }, async store => {
      await put(store, 'workload', 'x');
      await put(store, 'workload2', 'x');
      assert.equal(server.requests.filter(request => request.key === 'token').length, 1);
    });
  });

  it('a platform whose token the service does not know is denied', async () => {
    const subjectFile = fileWith('stranger', 'somebody-else');
    const credentialsFile = fileWith('stranger.json', server.workloadIdentity(subjectFile));
    await withStore({ credentialsFile }, async store => {
      await rejectsAs('denied', store.get('a', { signal }));
      await rejectsAs('denied', store.delete(['a'], { signal }).then(([failure]) => Promise.reject(failure?.error as Error))); // prettier-ignore
    });
  });

  it('a token service that is out of order is unreachable, not denied', async () => {
    const credentialsFile = fileWith(
      'out.json',
      server.workloadIdentity(fileWith('out', server.subjectToken)),
    );
    const down = { kind: 'answer', status: 503, code: 'unavailable' } as const;
    server.faults.inject({ key: /^token$/, times: 99, effect: down });
    await withStore({ credentialsFile }, async store => {
      await rejectsAs('unreachable', store.get('a', { signal }));
      server.faults.clear();
      await rejectsAs('absent', store.get('a', { signal }));
    });
  });

  it('the library prints nothing', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const account = fileWith('quiet.json', server.serviceAccount);
    const workload = fileWith(
      'quiet2.json',
      server.workloadIdentity(fileWith('quiet3', server.subjectToken)),
    );
    for (const credentialsFile of [account, workload])
      await withStore({ credentialsFile }, store => rejectsAs('absent', store.get('a', { signal })));
    await withEnvironment({ [adcVariable]: account }, () =>
      withStore({}, store => rejectsAs('absent', store.get('a', { signal }))),
    );
    assert.deepEqual(warn.mock.calls.flat(), []);
  });

  it('application default credentials are found by their variable', async () => {
    const path = fileWith('default.json', server.serviceAccount);
    await withEnvironment({ [adcVariable]: path }, () =>
      withStore({}, async store => {
        await put(store, 'default', 'x');
      }),
    );
  });

  it('without any, the message says where they may be', async () => {
    const empty = join(directory, 'home');
    mkdirSync(empty);
    const nowhere = { HOME: empty, CLOUDSDK_CONFIG: empty, METADATA_SERVER_DETECTION: 'none' };
    await withEnvironment(nowhere, () =>
      withStore({}, async store => {
        await assert.rejects(store.get('a', { signal }), (error: unknown) => {
          assert(error instanceof StoreError);
          assert.equal(error.kind, 'denied');
          assert.match(error.hint ?? '', /credentials-file/);
          return true;
        });
      }),
    );
  });

  it('a file that is missing, broken or of another kind is a mistake of configuration', async () => {
    for (const credentialsFile of [
      join(directory, 'none.json'),
      fileWith('broken.json', '{"private_key": "planted-secret'),
      fileWith('other.json', { planted: 'planted-secret' }),
    ])
      await withStore({ credentialsFile }, async store => {
        await assert.rejects(store.get('a', { signal }), (error: unknown) => {
          assert(error instanceof WalvaultError);
          assert.equal(error.code, 'config');
          assert(error.message.includes(credentialsFile));
          assert.doesNotMatch(inspect(error, { depth: 9 }), /planted-secret/);
          return true;
        });
      });
  });

  it('no error shows a key or a token', async () => {
    const broken = { ...server.serviceAccount, private_key: 'planted-secret-key' };
    const subject = fileWith('planted', 'planted-secret-subject');
    for (const content of [broken, server.workloadIdentity(subject)]) {
      const credentialsFile = fileWith('planted.json', content);
      await withStore({ credentialsFile }, async store => {
        for (const work of [() => store.get('a', { signal }), () => put(store, 'a', 'x')])
          await assert.rejects(work(), (error: unknown) => {
            assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /planted-secret/);
            return error instanceof StoreError && error.kind === 'denied';
          });
      });
    }
    const credentialsFile = fileWith('good.json', server.serviceAccount);
    await withStore({ credentialsFile }, async store => {
      server.faults.inject({ effect: { kind: 'answer', status: 403, code: 'AccessDenied' } });
      await assert.rejects(store.get('a', { signal }), (error: unknown) => {
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /Bearer|eyJ|PRIVATE KEY/);
        return true;
      });
      assert.doesNotMatch(inspect(store, { depth: 9 }), /PRIVATE KEY|Bearer/);
    });
  });
});
