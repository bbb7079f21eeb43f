/**
 * Identities of Entra ID against small token services and an imitation of the store that reads their tokens, over TLS
 * with an authority of the test's own and, for one of them, through a proxy.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createAzureStore } from '../../../../src/stores/azure/store.ts';
import { azureOptionsOf } from '../../../../src/stores/azure/url.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import { put, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { startAzurite, type Azurite } from '../../../support/servers/azurite.ts';
import { makeCertificates, type Certificates } from '../../../support/servers/certificates.ts';
import { startConnectProxy } from '../../../support/servers/connect-proxy.ts';
import { withEnvironment } from '../../../support/site/environment.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import {
  startTokenServer,
  type TokenAnswer,
  type TokenServer,
} from '../../../support/servers/token-server.ts';

const tenant = '11111111-2222-3333-4444-555555555555';
const unset = {
  AZURE_TENANT_ID: undefined, AZURE_CLIENT_ID: undefined, AZURE_CLIENT_SECRET: undefined, AZURE_FEDERATED_TOKEN_FILE: undefined,
  AZURE_AUTHORITY_HOST: undefined, AZURE_POD_IDENTITY_AUTHORITY_HOST: undefined, IDENTITY_ENDPOINT: undefined,
  IDENTITY_HEADER: undefined, AZURE_TOKEN_CREDENTIALS: 'prod', HTTPS_PROXY: undefined, HTTP_PROXY: undefined,
}; // prettier-ignore

describe('azure: identities', () => {
  let certificates: Certificates;
  let azurite: Azurite;
  let imds: TokenServer;
  let imdsAnswer = given();
  const servers: { close(): Promise<void> }[] = [];
  const directory = temporaryDirectory('azure-identity', { keepOwner: true });
  const planted = 'planted-secret-of-the-principal';

  beforeAll(async () => {
    certificates = makeCertificates();
    azurite = await startAzurite({ certificates });
    // One for all: the library keeps to the first it has met in a process.
    imds = await serve(() => imdsAnswer);
  });
  afterAll(async () => {
    await Promise.all(servers.map(server => server.close()));
    await azurite.close();
  });

  async function serve(...args: Parameters<typeof startTokenServer>): Promise<TokenServer> {
    const server = await startTokenServer(...args);
    servers.push(server);
    return server;
  }

  /** What Entra ID says of itself, and the answer to a request for a token. */
  function entraId(toRequest: (form: URLSearchParams) => TokenAnswer): Promise<TokenServer> {
    return serve(({ path, body, headers }) => {
      const base = `https://${headers.host}/${tenant}`;
      if (path.includes('openid-configuration'))
        return {
          json: {
            issuer: `${base}/v2.0`,
            authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
            token_endpoint: `${base}/oauth2/v2.0/token`,
            jwks_uri: `${base}/discovery/v2.0/keys`,
          },
        };
      return path.startsWith(`/${tenant}/oauth2/v2.0/token`)
        ? toRequest(new URLSearchParams(body))
        : { status: 404 };
    }, certificates);
  }

  async function withStore(
    env: NodeJS.ProcessEnv,
    work: (store: Store) => Promise<void>,
    settings: { caFile?: string; verifyTls?: boolean } = { caFile: certificates.caFile },
  ): Promise<void> {
    await withEnvironment({ ...unset, ...env }, async () => {
      const { url } = azurite;
      const store = await createAzureStore(
        azureOptionsOf(new URL(url), { url, ...settings, timeoutMs: 5000 }),
      );
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
  async function refused(store: Store, says: RegExp): Promise<void> {
    await assert.rejects(store.get('a', { signal }), (error: unknown) => {
      assert(error instanceof StoreError, inspect(error));
      assert.equal(error.kind, 'denied', error.message);
      assert.match(error.message, says);
      assert.doesNotMatch(inspect(error, { depth: 9 }), new RegExp(planted));
      return true;
    });
  }

  const identity = { AZURE_CLIENT_ID: '66666666-7777-8888-9999-000000000000' };

  it('a managed identity of a virtual machine, also one of several', async () => {
    await withStore({ AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url }, store => works('imds', store));
    const [asked] = imds.requests;
    assert.match(
      asked?.path ?? '',
      /^\/metadata\/identity\/oauth2\/token\/?\?.*resource=https%3A%2F%2Fstorage\.azure\.com/,
    );
    assert.equal(asked?.headers['metadata'], 'true');
    await withStore({ AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url, ...identity }, store =>
      works('imds-named', store),
    );
    assert.match(imds.requests.at(-1)?.path ?? '', new RegExp(`client_id=${identity.AZURE_CLIENT_ID}`));
  });

  it('one that is not assigned is denied in the words of the service, an outage of it is not', async () => {
    await withStore({ AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url, ...identity }, async store => {
      imdsAnswer = {
        status: 400,
        json: { error: 'invalid_request', error_description: 'Identity not found' },
      };
      await refused(store, /invalid_request|Identity not found/);
      imdsAnswer = { status: 503, json: { error: 'busy' } };
      await rejectsAs('unreachable', store.get('a', { signal }));
      imdsAnswer = given();
      await works('after-outage', store);
    });
  });

  it('one whose token cannot be renewed works for as long as it is good, and ends no process after that', async () => {
    imdsAnswer = given({}, 4);
    await withStore({ AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url, ...identity }, async store => {
      await works('before-it-expires', store);
      imdsAnswer = { status: 503, json: { error: 'busy' } };
      const asked = imds.requests.length;
      await works('while-it-cannot-be-renewed', store);
      // The library would try again after three and six seconds, and fail where nobody hears it: that fails this file.
      await delay(7000);
      assert.ok(imds.requests.length > asked, 'it was to be renewed');
      await rejectsAs('unreachable', store.get('a', { signal }));
      imdsAnswer = given();
      await works('after-that', store);
    });
  });

  it('a managed identity of App Service and its like', async () => {
    const service = await serve(({ headers }) =>
      headers['x-identity-header'] === 'the-header'
        ? given()
        : { status: 401, json: { statusCode: 401, message: 'no such header' } },
    );
    // In processes of their own: the library chooses the kind of service once a process.
    const outcome = (header: string) =>
      new Promise<string>((resolve, reject) => {
        const settings = JSON.stringify({ url: azurite.url, caFile: certificates.caFile, timeoutMs: 5000 });
        const script = `
          const { createAzureStore } = await import(${JSON.stringify(moduleOf('store'))});
          const { azureOptionsOf } = await import(${JSON.stringify(moduleOf('url'))});
          const settings = ${settings};
          const store = await createAzureStore(azureOptionsOf(new URL(settings.url), settings));
          try {
            console.log(String(await store.head('never', { signal: new AbortController().signal })));
          } catch (error) {
            console.log(error.kind, error.message);
          }
          await store.close();`;
        const env = { IDENTITY_ENDPOINT: `${service.url}/msi/token`, IDENTITY_HEADER: header };
        const options = { env: { PATH: process.env['PATH'], AZURE_TOKEN_CREDENTIALS: 'prod', ...env } };
        execFile(process.execPath, ['--input-type=module', '-e', script], options, (error, stdout) =>
          error === null ? resolve(stdout) : reject(error),
        );
      });
    const [right, wrong] = await Promise.all([outcome('the-header'), outcome('another')]);
    assert.equal(right, 'undefined\n');
    assert.match(wrong, /^denied head never: no credentials/);
  });

  it('a workload identity, by the proxy of the variables, trusting only who it is told to', async () => {
    const file = join(directory, 'federated');
    writeFileSync(file, 'token-of-the-cluster');
    const authority = await entraId(form =>
      form.get('client_assertion') === 'token-of-the-cluster'
        ? granted()
        : says401('AADSTS700211: no matching federated identity'),
    );
    const env = {
      AZURE_FEDERATED_TOKEN_FILE: file,
      AZURE_TENANT_ID: tenant,
      ...identity,
      AZURE_AUTHORITY_HOST: `${authority.url}/`,
    };
    const proxy = await startConnectProxy();
    servers.push(proxy);
    await withStore({ ...env, HTTPS_PROXY: proxy.url }, store => works('workload', store));
    const hosts = [authority.url, azurite.endpoint].map(url => `CONNECT ${new URL(url).host}`);
    assert.deepEqual([...new Set(proxy.asked)].sort(), hosts.sort());

    const nowhere = { ...env, HTTPS_PROXY: 'http://127.0.0.1:1' };
    await withStore(nowhere, store => rejectsAs('unreachable', store.get('a', { signal })));
    await withStore({ ...nowhere, NO_PROXY: '127.0.0.1' }, store => works('past', store));
    await withStore(env, store => rejectsAs('unreachable', store.get('a', { signal })), {});
    await withStore(env, store => works('trusting', store), { verifyTls: false });

    writeFileSync(file, 'token-of-another-cluster');
    await withStore(env, store => refused(store, /AADSTS700211/));
  });

  it('a service principal goes first, and a wrong secret is denied at once with the code of Entra ID', async () => {
    const before = imds.requests.length;
    const authority = await entraId(form =>
      form.get('client_secret') === 'right'
        ? granted()
        : says401('AADSTS7000215: Invalid client secret provided.'),
    );
    const env = {
      AZURE_TENANT_ID: tenant,
      ...identity,
      AZURE_AUTHORITY_HOST: authority.url,
      AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url,
    };
    await withStore({ ...env, AZURE_CLIENT_SECRET: 'right' }, store => works('principal', store));
    await withStore({ ...env, AZURE_CLIENT_SECRET: planted }, store => refused(store, /AADSTS7000215/));
    assert.equal(imds.requests.length, before);
  });

  it('a token that the store does not take is denied with the code of the store', async () => {
    imdsAnswer = given({ aud: 'https://elsewhere' });
    await withStore({ AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url, ...identity }, store =>
      refused(store, /AuthenticationFailed/),
    );
  });
});

function moduleOf(name: string): string {
  return new URL(`../../../../src/stores/azure/${name}.ts`, import.meta.url).href;
}

/** The answers of Entra ID to a request for a token. */
function granted(): TokenAnswer {
  return { json: { access_token: token(), expires_in: 3600, token_type: 'Bearer' } };
}

function says401(error_description: string): TokenAnswer {
  return { status: 401, json: { error: 'invalid_client', error_description } };
}

/**
 * The answer of a metadata service. It is soon to expire: the library keeps managed identities' tokens for the whole
 * process, whoever asked, and would not ask again.
 */
function given(claims: object = {}, seconds = 120): TokenAnswer {
  const expires_on = String(Math.round(Date.now() / 1000) + seconds);
  return {
    json: { access_token: token(claims), expires_in: String(seconds), expires_on, token_type: 'Bearer' },
  };
}

/** As Entra ID writes them; the imitation of the store reads the claims, and no signature. */
function token(claims: object = {}): string {
  const now = Math.round(Date.now() / 1000);
  const payload = {
    aud: 'https://storage.azure.com',
    iss: `https://sts.windows.net/${tenant}/`,
    iat: now - 60,
    nbf: now - 60,
    exp: now + 3600,
    tid: tenant,
    ...claims,
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ typ: 'JWT', alg: 'RS256' })}.${part(payload)}.c2lnbmF0dXJl`;
}
