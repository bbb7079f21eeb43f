/**
 * The metadata service of a virtual machine, whose address is fixed: connections to it are led to a port of the test's. In a
 * process of its own, since Azure's library keeps the first client that it ever got for a managed identity.
 */
import assert from 'node:assert/strict';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect } from 'node:net';
import { it } from 'vitest';
import { azureError } from '../../src/stores/azure/error.ts';
import { createIdentity } from '../../src/stores/azure/identity.ts';
import { StoreError } from '../../src/stores/store.ts';
import { startTokenServer } from '../support/servers/token-server.ts';
import { withEnvironment } from '../support/site/environment.ts';

const closedPort = 9;
const environment = {
  AZURE_TENANT_ID: undefined, AZURE_CLIENT_ID: undefined, AZURE_CLIENT_SECRET: undefined, AZURE_FEDERATED_TOKEN_FILE: undefined,
  AZURE_POD_IDENTITY_AUTHORITY_HOST: undefined, IDENTITY_ENDPOINT: undefined, IDENTITY_HEADER: undefined,
  AZURE_TOKEN_CREDENTIALS: 'prod',
}; // prettier-ignore

it('is unreachable while it does not answer, on a host of Azure; elsewhere there is no identity', async () => {
  const service = await startTokenServer(({ headers }) =>
    headers['metadata'] === 'true'
      ? { json: { access_token: 'granted', expires_in: '3600', token_type: 'Bearer', resource: 'x' } }
      : { status: 400 },
  );
  let port = closedPort;
  const http = new HttpAgent();
  http.createConnection = () => connect({ host: '127.0.0.1', port });
  const agents = { http, https: new HttpsAgent(), destroy: () => undefined };
  const outcomeOn = async (isAzureHost: boolean): Promise<string> => {
    try {
      const identity = createIdentity(agents, process.env, () => isAzureHost);
      return (await identity.getToken('https://storage.azure.com/.default'))?.token ?? 'none';
    } catch (error) {
      const context = { action: 'head a', container: 'c', signal: new AbortController().signal };
      const told = azureError(error, context);
      return told instanceof StoreError ? `${told.kind}, ${told.message}` : String(told);
    }
  };
  try {
    await withEnvironment(environment, async () => {
      assert.equal(
        await outcomeOn(true),
        'unreachable, head a: asking for a token: the metadata service of this host does not answer',
      );
      assert.match(await outcomeOn(false), /^denied, head a: no credentials \(none are configured/);
      port = Number(new URL(service.url).port);
      assert.equal(await outcomeOn(true), 'granted');
    });
  } finally {
    await service.close();
  }
});
