/** The SDK's chain of credentials, out of the executable: every provider is loaded when it is needed, and must be in it. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startS3Server, type S3Server } from '../support/servers/s3/server.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { startTokenServer } from '../support/servers/token-server.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { runWalvault } from '../support/site/walvault.ts';

describe('credentials of S3 in the executable', () => {
  let server: S3Server;
  let home: string;
  let url: string;
  beforeAll(async () => {
    server = await startS3Server();
    home = temporaryDirectory('home');
    url = server.url;
    mkdirSync(join(home, '.aws'));
    const { accessKeyId, secretAccessKey } = server;
    const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    writeFileSync(join(home, '.aws/credentials'), `[archive]\n${keys}`);
    const answer = JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey });
    const script = join(home, 'give-credentials');
    writeFileSync(script, `#!/bin/sh\necho '${answer}'\n`);
    chmodSync(script, 0o755);
    writeFileSync(join(home, '.aws/config'), `[profile process]\ncredential_process = ${script}\n`);
    giveToUnprivileged(home);
  });
  afterAll(() => server.close());

  /** `init` writes the marker: reading, creating and listing with these credentials all work. */
  async function setUp(prefix: string, env: Record<string, string>) {
    return await runWalvault(['init', '--existing-config', '--config', join(home, `${prefix}.toml`)], {
      env: { HOME: home, WALVAULT_CLUSTER: 'orders', ...env },
    });
  }
  function configure(prefix: string): void {
    const file = join(home, `${prefix}.toml`);
    writeFileSync(
      file,
      `cluster = "orders"\n[encryption]\nmode = "none"\n[[repository]]\nurl = "${url.replace('/repository', `/${prefix}`)}"\n`,
    );
    giveToUnprivileged(home);
  }
  async function works(prefix: string, env: Record<string, string>): Promise<void> {
    configure(prefix);
    const done = await setUp(prefix, env);
    assert.equal(done.exitCode, 0, done.stderr);
    assert(server.contents.objects.has(`${prefix}/walvault.json`));
    assert(!`${done.stdout}${done.stderr}`.includes(server.secretAccessKey));
  }

  it('the environment', async () => {
    await works('environment', {
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    });
  });

  it('a profile of the shared files', () => works('profile', { AWS_PROFILE: 'archive' }));

  it('a program named in a profile', () => works('process', { AWS_PROFILE: 'process' }));

  it('the endpoint that containers and pods are given', async () => {
    const agent = createServer((request, response) => {
      const isAllowed = request.headers.authorization === 'pod-token';
      response.writeHead(isAllowed ? 200 : 401, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          AccessKeyId: server.accessKeyId,
          SecretAccessKey: server.secretAccessKey,
          Token: 'session',
          Expiration: new Date(Date.now() + 3_600_000).toISOString(),
        }),
      );
    });
    await new Promise<void>(resolve => agent.listen(0, '127.0.0.1', resolve));
    const { port } = agent.address() as AddressInfo;
    try {
      await works('container', {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: 'pod-token',
      });
    } finally {
      agent.close();
      agent.closeAllConnections();
    }
  });

  it('the role of the instance, from the metadata service', async () => {
    const role = 'latest/meta-data/iam/security-credentials/';
    const metadata = await startTokenServer(({ method, path, headers }) => {
      if (method === 'PUT' && path === '/latest/api/token') return { text: 'session' };
      if (headers['x-aws-ec2-metadata-token'] !== 'session') return { status: 401 };
      if (path === `/${role}`) return { text: 'archiver' };
      if (path !== `/${role}archiver`) return { status: 404 };
      return {
        json: {
          Code: 'Success',
          AccessKeyId: server.accessKeyId,
          SecretAccessKey: server.secretAccessKey,
          Token: 'session',
          Expiration: new Date(Date.now() + 3_600_000).toISOString(),
        },
      };
    });
    try {
      await works('instance', { AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url });
    } finally {
      await metadata.close();
    }
  });

  it('a web identity, exchanged at the token service', async () => {
    const tokens = createServer((request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => (body += data.toString()));
      request.on('end', () => {
        const isRight =
          body.includes('AssumeRoleWithWebIdentity') && body.includes('WebIdentityToken=subject');
        response.writeHead(isRight ? 200 : 400, { 'content-type': 'text/xml' });
        response.end(
          `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${server.accessKeyId}</AccessKeyId><SecretAccessKey>${server.secretAccessKey}</SecretAccessKey><SessionToken>session</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
        );
      });
    });
    await new Promise<void>(resolve => tokens.listen(0, '127.0.0.1', resolve));
    const { port } = tokens.address() as AddressInfo;
    const file = join(home, 'token');
    writeFileSync(file, 'subject');
    giveToUnprivileged(home);
    try {
      await works('web', {
        AWS_WEB_IDENTITY_TOKEN_FILE: file,
        AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/archive',
        AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}`,
        AWS_REGION: 'us-east-1',
      });
    } finally {
      tokens.close();
      tokens.closeAllConnections();
    }
  });

  it('none at all: says so in one line', async () => {
    configure('none');
    const { exitCode, stderr } = await setUp('none', { AWS_EC2_METADATA_DISABLED: 'true' });
    assert.equal(exitCode, 6, stderr);
    assert.match(stderr, /no credentials/);
    assert.match(stderr, /^HINT: .*AWS_ACCESS_KEY_ID/m);
  });

  it('goes through the proxy of the usual variables, and past it where told', async () => {
    const nowhere = 'http://127.0.0.1:1';
    configure('proxy');
    const keys = { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey };
    const refused = await setUp('proxy', {
      ...keys,
      HTTP_PROXY: nowhere,
      WALVAULT_STORE_REQUEST_TIMEOUT: '1s',
    });
    assert.equal(refused.exitCode, 5, refused.stderr);
    await works('proxy', { ...keys, HTTP_PROXY: nowhere, NO_PROXY: '127.0.0.1' });
  });
});
