/**
 * No secret is ever printed: not by success, not by failure of any kind, not to the terminal, to PostgreSQL's log or the
 * process list. Every driver's secrets are planted, used, refused and mistyped, with all that debugging adds.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StorageSharedKeyCredential, generateBlobSASQueryParameters, ContainerSASPermissions } from '@azure/storage-blob'; // prettier-ignore
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { startAzurite, type Azurite } from '../support/servers/azurite.ts';
import { startEchoService, type EchoService } from '../support/servers/echo-service.ts';
import { startGcsServer, type GcsServer } from '../support/servers/gcs/server.ts';
import { PlantedSecrets } from '../support/site/planted-secrets.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import type { RunOptions } from '../support/site/run.ts';
import { startS3Server, type S3Server } from '../support/servers/s3/server.ts';
import { archiveEverything, commitRows, createSite, until, type Site } from '../support/site/site.ts';
import { azureArgs, gcsArgs, s3Args, secretFile } from '../support/site/store-site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

const random = () => randomBytes(30).toString('base64');
const planted = new PlantedSecrets();

describe('no secret is ever printed', () => {
  let s3: S3Server;
  let gcs: GcsServer;
  let azure: Azurite;
  let echo: EchoService;
  let site: Site;
  let origin: PostgresServer;
  /** In the environment of every run. */
  const env = {
    WALVAULT_DEBUG: '1',
    WALVAULT_ENCRYPTION_PRIVATE_KEY_PASSPHRASE: planted.plant('key passphrase', random()),
    WALVAULT_ARCHIVE_TIMEOUT: '5s',
    WALVAULT_STORE_REQUEST_TIMEOUT: '5s',
    PGPASSWORD: planted.plant('PGPASSWORD', random()),
    AWS_SECRET_ACCESS_KEY: planted.plant('AWS_SECRET_ACCESS_KEY', random()),
  };
  const keyPassphraseFile = secretFile('passphrase', env.WALVAULT_ENCRYPTION_PRIVATE_KEY_PASSPHRASE);
  const sessionToken = planted.plant('S3 session token', random());
  const customerKey = planted.plant('SSE-C key', randomBytes(32).toString('base64'));

  beforeAll(async () => {
    [s3, gcs, azure, echo] = await Promise.all([
      startS3Server(),
      startGcsServer(),
      startAzurite(),
      startEchoService(),
    ]);
    planted.plant('S3 secret key', s3.secretAccessKey);
    planted.plant('Azure account key', azure.accountKey);
    planted.plant('service account key', bodyOf(gcs.serviceAccount['private_key'] ?? ''));
    site = await createSite({
      repositoryUrl: () => s3.url,
      initArgs: [
        ...['--key-passphrase-file', keyPassphraseFile, ...s3Args(s3)],
        ...['--session-token-file', secretFile('token', sessionToken)],
        ...['--customer-key-file', secretFile('customer-key', customerKey)],
        ...['--repository', `google=${gcs.url}`, ...gcsArgs(gcs)],
        ...['--repository', `azure=${azure.url}`, ...azureArgs(azure)],
      ],
    });
    origin = await site.startOrigin({
      env,
      conf: { archive_command: `'${site.command('--verbose push %p')}'` },
    });
  });
  afterAll(async () => {
    await origin[Symbol.asyncDispose]();
    await Promise.all([s3.close(), gcs.close(), azure.close(), echo.close()]);
  });
  afterEach(() => {
    planted.hear("the server's log", origin.log());
    for (const { headers } of gcs.requests)
      planted.plant('Google token', (headers.authorization ?? '').padEnd(20, 'x').slice('Bearer '.length));
    echo.tokens.forEach((token, index) => planted.plant(`Google token ${index}`, token));
    planted.assertUnprinted();
  });

  /** With everything that could make it talk, its command line read all the while. */
  async function run(
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
    options: RunOptions = {},
  ) {
    let listed: NodeJS.Timeout | undefined;
    const done = await site.walvault(['--verbose', ...args], {
      ...options,
      env: { ...env, ...more },
      onStart: ({ pid }) => {
        listed = setInterval(() => planted.hear(`the process list of ${args[0]}`, commandLines(pid)), 20);
      },
    });
    clearInterval(listed);
    planted.hear(args.join(' '), done.stdout + done.stderr);
    return done;
  }

  /** Fails with this status, in words. */
  async function fails(
    status: number,
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
    options: RunOptions = {},
  ) {
    const done = await run(args, more, options);
    assert.equal(done.exitCode, status, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, /^walvault: /m);
    return done.stderr;
  }

  const everywhere = (endpoint: (url: string) => string) => ({
    WALVAULT_REPOSITORY_MAIN_URL: endpoint(s3.url),
    WALVAULT_REPOSITORY_GOOGLE_URL: endpoint(gcs.url),
    WALVAULT_REPOSITORY_AZURE_URL: endpoint(azure.url),
  });
  const segment = () =>
    join('pg_wal', readdirSync(join(origin.dataDirectory, 'pg_wal')).toSorted().find(name => /^[0-9A-F]{24}$/.test(name)) ?? ''); // prettier-ignore

  it('by commands that succeed', async () => {
    await commitRows(origin, 1, 1);
    await archiveEverything(origin);
    const password = planted.plant('password in the connection', random());
    const connection = `host=${origin.socketDirectory} port=${origin.port} user=postgres password='${password}'`;
    const connected = { ...origin.env, WALVAULT_POSTGRES_CONNECTION: connection };
    const unlocked = [
      '--private-key',
      site.privateKeyPath,
      '--private-key-passphrase-file',
      keyPassphraseFile,
    ];
    const checked = await run(['check', '--json', ...unlocked], connected);
    assert.equal(checked.exitCode, 0, checked.stdout + checked.stderr);
    const given = {
      WALVAULT_ENCRYPTION_PASSPHRASE: planted.plant('OpenPGP passphrase', random()),
      WALVAULT_POSTGRES_CONNECTION: `postgresql://postgres:${encodeURIComponent(planted.plant('password in a URI', random()))}@127.0.0.1/x`,
    };
    for (const args of [
      ['list', '--json'],
      ['config', 'show'],
      ['config', 'show', '--json'],
    ]) {
      const { exitCode, stdout, stderr } = await run(args, given);
      assert.equal(exitCode, 0, stderr);
      if (args[0] === 'config') assert.match(stdout, /account-key[^]{0,20}\*\*\*/);
    }
    const pushed = await run(['push', segment()], {}, { cwd: origin.dataDirectory });
    assert.equal(pushed.exitCode, 0, pushed.stderr);
    const target = join(temporaryDirectory('fetched'), 'segment');
    const patient = { WALVAULT_FETCH_STANDBY_TIMEOUT: '15s' };
    const fetched = await run(['fetch', segment().slice(-24), target], patient, {
      cwd: origin.dataDirectory,
    });
    assert.equal(fetched.exitCode, 0, fetched.stderr);
  });

  it('by services that deny, and repeat what they were sent', async () => {
    const denying = everywhere(url => url.replace(/endpoint=[^&]*/, `endpoint=${echo.endpoint}/account`));
    const cwd = origin.dataDirectory;
    await fails(errorCodes['check-failed'], ['list', '--json'], denying);
    await fails(errorCodes.denied, ['push', segment()], denying, { cwd });
    await fails(
      errorCodes.denied,
      ['fetch', segment().slice(-24), join(temporaryDirectory('fetched'), 'x')],
      denying,
      { cwd },
    );
    assert.ok(echo.tokens.length > 0 && echo.requestCount >= 9, `${echo.requestCount} requests`);
  });

  it('by the ways of Azure: a signature, a connection string', async () => {
    const url = everywhere(url => url).WALVAULT_REPOSITORY_AZURE_URL;
    const sas = generateBlobSASQueryParameters(
      {
        containerName: azure.container,
        permissions: ContainerSASPermissions.parse('rcwdl'),
        expiresOn: new Date(Date.now() + 3_600_000),
      },
      new StorageSharedKeyCredential(azure.account, azure.accountKey),
    );
    const signature = planted.plant('signature of the SAS', sas.signature);
    const string = `DefaultEndpointsProtocol=http;AccountName=${azure.account};AccountKey=${azure.accountKey};BlobEndpoint=${azure.endpoint}`;
    const ways = [
      { WALVAULT_REPOSITORY_SAS_TOKEN: sas.toString() },
      { WALVAULT_REPOSITORY_CONNECTION_STRING: string },
    ];
    for (const way of ways) {
      const alone = { WALVAULT_CONFIG: '', WALVAULT_CLUSTER: 'orders', WALVAULT_REPOSITORY_URL: url, ...way };
      const listed = await run(['list', '--json'], alone);
      assert.equal(listed.exitCode, 0, listed.stderr);
      const echoed = url.replace(/endpoint=[^&]*/, `endpoint=${echo.endpoint}/account`);
      const elsewhere = string.replace(/BlobEndpoint=.*/, `BlobEndpoint=${echo.endpoint}/account`);
      await fails(errorCodes.denied, ['list'], {
        ...alone,
        WALVAULT_REPOSITORY_URL: echoed,
        ...('WALVAULT_REPOSITORY_CONNECTION_STRING' in way && {
          WALVAULT_REPOSITORY_CONNECTION_STRING: elsewhere,
        }),
      });
    }
    await fails(errorCodes.config, ['list'], { WALVAULT_REPOSITORY_AZURE_URL: `${url}&${sas.toString()}` });
    await fails(errorCodes.config, ['list'], { WALVAULT_REPOSITORY_AZURE_SAS_TOKEN: `sig=${signature}` });
    await fails(errorCodes.config, ['list'], {
      WALVAULT_REPOSITORY_AZURE_CONNECTION_STRING: string.replace('walvaulttest', 'another'),
    });
  });

  it('by services and servers that cannot be reached', async () => {
    const nowhere = everywhere(url => url.replace(/endpoint=[^&]*/, 'endpoint=http://127.0.0.1:1'));
    await fails(errorCodes.unreachable, ['push', segment()], nowhere, { cwd: origin.dataDirectory });
    const proxy = planted.plant('password of the proxy', random().replaceAll(/[+/=]/g, 'x'));
    const through = {
      HTTP_PROXY: `http://user:${proxy}@127.0.0.1:1`,
      HTTPS_PROXY: `http://user:${proxy}@127.0.0.1:1`,
    };
    await fails(errorCodes.unreachable, ['push', segment()], through, { cwd: origin.dataDirectory });
    const password = planted.plant('password for nobody', random());
    for (const connection of [
      `postgresql://postgres:${password}@127.0.0.1:1/x`,
      `host=127.0.0.1 port=1 user=x password='${password}`,
      `host=${origin.socketDirectory} port=${origin.port} user=nobody dbname=none password='${password}'`,
    ])
      assert.notEqual((await run(['backup'], { WALVAULT_POSTGRES_CONNECTION: connection })).exitCode, 0);
  });

  it('by a configuration that is wrong', async () => {
    const secret = planted.plant('a secret in the wrong place', `${random()}/${random()}`);
    const wrong: Readonly<Record<string, string>>[] = [
      { WALVAULT_REPOSITORY_MAIN_URL: `s3://AKID:${secret}@bucket/prefix` },
      { WALVAULT_REPOSITORY_MAIN_URL: `s3://AKID:${encodeURIComponent(secret)}@bucket/prefix` },
      { WALVAULT_REPOSITORY_MAIN_URL: `s3://AKID:${secret}@bu cket/prefix` },
      { WALVAULT_REPOSITORY_MAIN_URL: `${s3.url}&endpoint=http://AKID:${encodeURIComponent(secret)}@host` },
      {
        WALVAULT_REPOSITORY_MAIN_URL: `s3://b/p?part-size-mib=x&endpoint=http://AKID:${encodeURIComponent(secret)}@h`,
      },
      { WALVAULT_REPOSITORY_MAIN_URL: `ftp://AKID:${encodeURIComponent(secret)}@bucket/prefix` },
      { WALVAULT_REPOSITORY_MAIN_CUSTOMER_KEY: secret },
      { WALVAULT_REPOSITORY_AZURE_CONNECTION_STRING: secret, WALVAULT_REPOSITORY_AZURE_ACCOUNT_KEY: '' },
      { WALVAULT_REPOSITORY_AZURE_SAS_TOKEN: secret },
      // The command line of the shell is the administrator's own: the secret is what the command prints.
      { WALVAULT_REPOSITORY_AZURE_ACCOUNT_KEY_COMMAND: `cat ${secretFile('wrong', secret)}; exit 3` },
      { WALVAULT_REPOSITORY_GOOGLE_CREDENTIALS_FILE: brokenAccount(text => text.slice(0, -200)) },
      { WALVAULT_REPOSITORY_GOOGLE_CREDENTIALS_FILE: brokenAccount(text => `x${text}`) },
      {
        WALVAULT_REPOSITORY_GOOGLE_CREDENTIALS_FILE: brokenAccount(text =>
          text.replace('-----END', '-----EMD'),
        ),
      },
    ];
    for (const one of wrong) {
      // The others would answer first.
      const { exitCode, stdout, stderr } = await run(['list', '--repository', repositoryOf(one)], one);
      assert.ok(
        exitCode === errorCodes.config || exitCode === errorCodes.denied,
        `${Object.keys(one).join()}: ${stdout}${stderr}`,
      );
      // One that only the store's opening finds wrong is shown.
      if (one['WALVAULT_REPOSITORY_MAIN_URL']?.includes('endpoint=')) await run(['config', 'show'], one);
    }
  });

  it('by a configuration file that is broken', async () => {
    const secret = planted.plant('a secret in a broken line', random());
    const whole = readFileSync(site.configPath, 'utf8');
    const broken = [
      `${whole}\nsecret-access-key = "${secret}`,
      `${whole}\nsecret-acces-key = "${secret}"\n`,
      `${whole}\naccount-key = [1, "${secret}"]\n`,
      `${whole}\naccount-key = { fil = "${secret}" }\n`,
    ];
    const directory = temporaryDirectory('broken');
    for (const [index, text] of broken.entries()) {
      const path = join(directory, `${index}.toml`);
      writeFileSync(path, text);
      giveToUnprivileged(directory);
      await fails(errorCodes.config, ['--config', path, 'config', 'show']);
    }
    const open = join(directory, 'open.toml');
    writeFileSync(open, `${whole}\naccount-key = "${secret}"\n`);
    giveToUnprivileged(directory);
    chmodSync(open, 0o644);
    await fails(errorCodes.config, ['--config', open, 'config', 'show']);
  });

  it('by the archiver whose repository denies', async () => {
    s3.faults.inject({
      times: Infinity,
      effect: { kind: 'answer', status: 403, code: `Denied ${sessionToken}` },
    });
    await commitRows(origin, 2, 2);
    await until('the archiver says so', () => /\bDenied\b|access denied/i.test(origin.log()));
    s3.faults.clear();
    await archiveEverything(origin);
  });

  function brokenAccount(change: (text: string) => string): string {
    return secretFile('account.json', change(JSON.stringify(gcs.serviceAccount)));
  }
});

/** The one that a wrong variable is about. */
function repositoryOf(env: Readonly<Record<string, string>>): string {
  return /^WALVAULT_REPOSITORY_([A-Z]+)_/.exec(Object.keys(env)[0] ?? '')?.[1]?.toLowerCase() ?? '';
}

/** The secret part of a PEM. */
function bodyOf(pem: string): string {
  return pem.replaceAll(/-----[^-]*-----|\s/g, '');
}

/** Of the process and of what it has started. */
function commandLines(pid: number): string {
  const path = `/proc/${pid}`;
  if (!existsSync(path)) return '';
  try {
    const children = readFileSync(`${path}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return (
      readFileSync(`${path}/cmdline`, 'utf8') + children.map(child => commandLines(Number(child))).join('\n')
    );
  } catch {
    return '';
  }
}
