import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { wordsInto } from '../../../support/logs.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { loadConfig } from '../../../../src/config/index.ts';
import { initialise } from '../../../../src/operations/init/init.ts';
import type { InitDependencies, InitRequest } from '../../../../src/operations/init/request.ts';
import { createEncryptor, readPrivateKeys, readPublicKeys } from '../../../../src/pipeline/openpgp/index.ts';
import { collect, streamOf } from '../../../../src/base/bytes/streams.ts';
import { createMarker, readMarker } from '../../../../src/repository/format/marker.ts';
import { createFsStore } from '../../../../src/stores/fs/store.ts';
import { expiringPair } from '../../../support/openpgp/fixtures.ts';
import { createGpg } from '../../../support/openpgp/gpg.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { unprivilegedAccount } from '../../../support/site/unprivileged.ts';

interface Bench {
  readonly directory: string;
  readonly events: Words[];
  readonly dependencies: InitDependencies;
  request(change?: Partial<InitRequest>): InitRequest;
}

async function createBench(): Promise<Bench> {
  const directory = temporaryDirectory('init', { keepOwner: true });
  await mkdir(join(directory, 'repo'));
  await mkdir(join(directory, 'usb'));
  const events: Words[] = [];
  return {
    directory,
    events,
    dependencies: {
      program: ['/usr/local/bin/walvault'],
      log: wordsInto(events),
      signal: AbortSignal.timeout(60_000),
      markRepository: async (repository, signal) =>
        await createMarker(createFsStore({ root: repository.directory ?? '' }), signal),
    },
    request: change => ({
      cluster: 'orders',
      repositories: [{ name: 'main', url: `file://${directory}/repo`, directory: join(directory, 'repo') }],
      configPath: join(directory, 'walvault.toml'),
      dataDirectory: undefined,
      encryption: {
        mode: 'openpgp',
        recipientFiles: [],
        generateInto: join(directory, 'usb'),
        privateKeyPassphrase: undefined,
      },
      createDirectory: false,
      owner: undefined,
      ...change,
    }),
  };
}

async function failureOf(work: Promise<unknown>): Promise<WalvaultError> {
  const error = await work.then(
    () => assert.fail('it succeeded'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof WalvaultError, String(error));
  return error;
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe('init', () => {
  test('makes keys, marker and a configuration that loads', async () => {
    const bench = await createBench();
    const result = await initialise(bench.request(), bench.dependencies);
    const { config } = await loadConfig({ path: result.configPath, env: {} });
    assert.equal(config.cluster, 'orders');
    assert.equal(config.encryption.mode, 'openpgp');
    const marker = await readMarker(
      createFsStore({ root: join(bench.directory, 'repo') }),
      bench.dependencies.signal,
    );
    assert.equal(config.repositories[0]?.id, marker?.id);

    const [recipient = ''] = config.encryption.walRecipients;
    const [key] = await readPublicKeys(await readFile(recipient), recipient);
    assert.deepEqual(result.recipients, [key?.fingerprint]);
    const privateKey = result.privateKeyPath ?? '';
    assert.equal(
      (await readPrivateKeys(await readFile(privateKey), privateKey))[0]?.fingerprint,
      key?.fingerprint,
    );
    assert.ok(privateKey.startsWith(join(bench.directory, 'usb')));

    const signingPath = config.signing.key ?? '';
    assert.equal(
      (await readPrivateKeys(await readFile(signingPath), signingPath))[0]?.fingerprint,
      result.signingKey.fingerprint,
    );
    assert.deepEqual(config.signing.trustedSigners, [result.signingKey.publicPath]);

    const hostSecret = join(bench.directory, 'walvault-keys', 'host-secret');
    assert.equal(
      (await config.encryption.hostSecret?.read())?.reveal(),
      (await readFile(hostSecret, 'utf8')).trim(),
    );
    assert.match(await readFile(hostSecret, 'utf8'), /^[0-9a-f]{64}\n$/);

    for (const path of [result.configPath, privateKey, signingPath, hostSecret])
      assert.equal(await modeOf(path), 0o600, path);
    assert.equal(await modeOf(join(bench.directory, 'walvault-keys')), 0o700);
    const here = await readdir(join(bench.directory, 'walvault-keys'));
    assert.deepEqual(
      here.filter(name => name.includes('private')),
      ['signing-private.asc'],
      'the recovery key is not kept here',
    );
  });

  test('what is encrypted to the generated key, gpg opens', async () => {
    const bench = await createBench();
    const result = await initialise(bench.request(), bench.dependencies);
    const { config } = await loadConfig({ path: result.configPath, env: {} });
    const [recipient = ''] = config.encryption.walRecipients;
    const encryptor = await createEncryptor({
      recipients: await readPublicKeys(await readFile(recipient), recipient),
    });
    const run = await encryptor.start('key');
    const message = await collect(run.apply(streamOf(Buffer.from('probe'))), 1 << 20);
    const gpg = createGpg();
    await gpg.importKeys(await readFile(result.privateKeyPath ?? ''));
    assert.equal((await gpg.decrypt(message)).plain.toString(), 'probe');
  });

  test("encrypts to somebody's key, made by gpg", async () => {
    const bench = await createBench();
    const gpg = createGpg();
    const fingerprint = await gpg.generateKey('dba@example.org', 'future-default');
    const file = join(bench.directory, 'dba.asc');
    await writeFile(file, await gpg.exportPublic(fingerprint));
    const encryption = {
      mode: 'openpgp',
      recipientFiles: [file],
      generateInto: undefined,
      privateKeyPassphrase: undefined,
    } as const;
    const result = await initialise(bench.request({ encryption }), bench.dependencies);
    assert.deepEqual(result.recipients, [fingerprint]);
    assert.equal(result.privateKeyPath, undefined);
  });

  test('takes an expired recipient with a warning', async () => {
    const bench = await createBench();
    const file = join(bench.directory, 'dba.asc');
    await writeFile(file, (await expiringPair(-10)).publicArmored);
    const encryption = {
      mode: 'openpgp',
      recipientFiles: [file],
      generateInto: undefined,
      privateKeyPassphrase: undefined,
    } as const;
    await initialise(bench.request({ encryption }), bench.dependencies);
    assert.ok(bench.events.some(({ level, message }) => level === 'warn' && /expired on/.test(message)));
  });

  test('refuses a recipient file with a private key in it, before writing anything', async () => {
    const bench = await createBench();
    const gpg = createGpg();
    const fingerprint = await gpg.generateKey('dba@example.org', 'future-default');
    const file = join(bench.directory, 'dba.asc');
    await writeFile(file, await gpg.exportPrivate(fingerprint));
    const encryption = {
      mode: 'openpgp',
      recipientFiles: [file],
      generateInto: undefined,
      privateKeyPassphrase: undefined,
    } as const;
    const error = await failureOf(initialise(bench.request({ encryption }), bench.dependencies));
    assert.equal(error.code, 'key');
    assert.deepEqual((await readdir(bench.directory)).toSorted(), ['dba.asc', 'repo', 'usb']);
    assert.deepEqual(await readdir(join(bench.directory, 'repo')), []);
  });

  test('protects the generated key by a passphrase', async () => {
    const bench = await createBench();
    const privateKeyPassphrase = new Secret('correct horse');
    const encryption = {
      mode: 'openpgp',
      recipientFiles: [],
      generateInto: join(bench.directory, 'usb'),
      privateKeyPassphrase,
    } as const;
    const { privateKeyPath = '' } = await initialise(bench.request({ encryption }), bench.dependencies);
    const data = await readFile(privateKeyPath);
    assert.equal((await failureOf(readPrivateKeys(data, 'k', [new Secret('wrong')]))).code, 'key');
    await readPrivateKeys(data, 'k', [privateKeyPassphrase]);
  });

  test('a second run changes nothing and says so', async () => {
    const bench = await createBench();
    const { configPath } = await initialise(bench.request(), bench.dependencies);
    const before = await readFile(configPath, 'utf8');
    const files = await readdir(join(bench.directory, 'usb'));
    const error = await failureOf(initialise(bench.request({ cluster: 'other' }), bench.dependencies));
    assert.deepEqual(await readdir(join(bench.directory, 'usb')), files, 'no key was made for nothing');
    assert.equal(error.code, 'refused');
    assert.match(error.message, /exists already; nothing was changed/);
    assert.match(error.hint ?? '', /walvault check/);
    assert.equal(await readFile(configPath, 'utf8'), before);
  });

  test('a second host joins: same repository, same id, a signing key of its own', async () => {
    const bench = await createBench();
    const first = await initialise(bench.request(), bench.dependencies);
    const second = await initialise(
      bench.request({ configPath: join(bench.directory, 'standby.toml') }),
      bench.dependencies,
    );
    assert.deepEqual(second.repositories, first.repositories);
    assert.deepEqual(second.recipients, first.recipients);
    assert.notEqual(second.signingKey.fingerprint, first.signingKey.fingerprint);
  });

  test('a failure leaves no configuration, names what is left, and the next run goes on with it', async () => {
    const bench = await createBench();
    const markRepository = () =>
      Promise.reject(new WalvaultError('unreachable', 'store: no answer', { hint: 'Is it up?' }));
    const error = await failureOf(initialise(bench.request(), { ...bench.dependencies, markRepository }));
    assert.equal(error.message, 'store: no answer');
    assert.match(
      error.hint ?? '',
      /^Is it up\? Left behind: .*signing-private\.asc.*Run the same command again/,
    );
    assert.ok(!(await readdir(bench.directory)).includes('walvault.toml'));
    const made = await readFile(join(bench.directory, 'usb', 'walvault-orders-private.asc'), 'utf8');

    await initialise(bench.request(), bench.dependencies);
    assert.equal(await readFile(join(bench.directory, 'usb', 'walvault-orders-private.asc'), 'utf8'), made);
    assert.ok(bench.events.some(({ message }) => message.startsWith('using the key that is there already')));
  });

  test('a private key that is there is used or refused, never overwritten', async () => {
    const bench = await createBench();
    const privatePath = join(bench.directory, 'usb', 'walvault-orders-private.asc');
    const publicPath = join(bench.directory, 'usb', 'walvault-orders-public.asc');
    await writeFile(privatePath, 'precious');
    const error = await failureOf(initialise(bench.request(), bench.dependencies));
    assert.equal(error.code, 'key');
    assert.equal(await readFile(privatePath, 'utf8'), 'precious');

    await rm(privatePath);
    const first = await initialise(bench.request(), bench.dependencies);
    await rm(first.configPath);
    await rm(publicPath);
    const second = await initialise(bench.request(), bench.dependencies);
    assert.deepEqual(
      second.recipients,
      first.recipients,
      'the public key is made again from the private one',
    );
    assert.deepEqual(second.signingKey, first.signingKey);

    await rm(first.configPath);
    await writeFile(publicPath, await readFile(first.signingKey.publicPath));
    const mixedUp = await failureOf(initialise(bench.request(), bench.dependencies));
    assert.match(mixedUp.message, /is not the public key of/);
  });

  test('two runs at the same time: one succeeds, what it wrote fits together', async () => {
    const bench = await createBench();
    const runs = await Promise.allSettled(
      [1, 2, 3].map(() => initialise(bench.request(), bench.dependencies)),
    );
    const won = runs.filter(run => run.status === 'fulfilled');
    assert.equal(won.length, 1);
    for (const run of runs)
      if (run.status === 'rejected')
        assert.equal((run.reason as WalvaultError).code, 'refused', String(run.reason));
    const { config } = await loadConfig({ path: join(bench.directory, 'walvault.toml'), env: {} });
    const signingPath = config.signing.key ?? '';
    const [signer] = await readPrivateKeys(await readFile(signingPath), signingPath);
    const [trusted = ''] = config.signing.trustedSigners;
    assert.equal(
      (await readPublicKeys(await readFile(trusted), trusted))[0]?.fingerprint,
      signer?.fingerprint,
    );
  });

  test('a repository directory is made only when asked', async () => {
    const bench = await createBench();
    const root = join(bench.directory, 'deep', 'er');
    const repositories = [{ name: 'main', url: `file://${root}`, directory: root }];
    const error = await failureOf(initialise(bench.request({ repositories }), bench.dependencies));
    assert.match(error.message, /does not exist$/);
    assert.match(error.hint ?? '', /--create-directory/);
    await initialise(bench.request({ repositories, createDirectory: true }), bench.dependencies);
    assert.equal(await modeOf(root), 0o700);
  });

  test('passphrase and no encryption; secrets are named, not copied', async () => {
    const bench = await createBench();
    const file = join(bench.directory, 'passphrase');
    const request = bench.request({ encryption: { mode: 'passphrase', file } });
    assert.match(
      (await failureOf(initialise(request, bench.dependencies))).message,
      /passphrase file .* does not exist/,
    );
    await writeFile(file, 'hush-hush, nobody guesses\n');
    const { configPath } = await initialise(request, bench.dependencies);
    assert.doesNotMatch(await readFile(configPath, 'utf8'), /hush/);
    const { config } = await loadConfig({ path: configPath, env: {} });
    assert.equal((await config.encryption.passphrases[0]?.read())?.reveal(), 'hush-hush, nobody guesses');

    const open = bench.request({
      encryption: { mode: 'none' },
      configPath: join(bench.directory, 'open.toml'),
    });
    await initialise(open, bench.dependencies);
    assert.ok(
      bench.events.some(({ level, message }) => level === 'warn' && message === 'nothing will be encrypted'),
    );
  });

  test('the credentials of several repositories reach the configuration', async () => {
    const bench = await createBench();
    const file = join(bench.directory, 's3-secret');
    await writeFile(file, 'hush-hush, nobody guesses');
    const repositories = [
      { name: 'near', url: `file://${bench.directory}/repo`, directory: join(bench.directory, 'repo') },
      { name: 'far', url: 's3://b/p?region=eu', directory: undefined, accessKeyId: new Secret('AKID'), secrets: { secretAccessKey: { file, value: new Secret('hush-hush, nobody guesses') } }, caFile: '/ca.pem' },
      { name: 'azure', url: 'azure://a/c/p', directory: undefined, secrets: { accountKey: { file, value: new Secret('hush-hush, nobody guesses') } } },
      { name: 'google', url: 'gs://b/p', directory: undefined, credentialsFile: '/account.json' },
    ]; // prettier-ignore
    const { configPath } = await initialise(bench.request({ repositories }), {
      ...bench.dependencies,
      markRepository: ({ name }) => Promise.resolve({ id: `id-${name}` }),
    });
    const { config } = await loadConfig({ path: configPath, env: {} });
    assert.deepEqual(
      config.repositories.map(({ name, id }) => [name, id]),
      [
        ['near', 'id-near'],
        ['far', 'id-far'],
        ['azure', 'id-azure'],
        ['google', 'id-google'],
      ],
    );
    assert.equal((await config.repositories[1]?.accessKeyId?.read())?.reveal(), 'AKID');
    assert.equal(
      (await config.repositories[1]?.secretAccessKey?.read())?.reveal(),
      'hush-hush, nobody guesses',
    );
    assert.equal(config.repositories[1]?.caFile, '/ca.pem');
    assert.equal((await config.repositories[2]?.accountKey?.read())?.reveal(), 'hush-hush, nobody guesses');
    assert.equal(config.repositories[3]?.credentialsFile, '/account.json');
    assert.doesNotMatch(await readFile(configPath, 'utf8'), /hush-hush/);
  });
});

describe('who owns what init writes', () => {
  const account = unprivilegedAccount();

  test('as root: the owner of the data directory, down to the marker; otherwise the caller', async () => {
    const bench = await createBench();
    await chmod(bench.directory, 0o755);
    const dataDirectory = temporaryDirectory('pgdata');
    await writeFile(join(dataDirectory, 'PG_VERSION'), '15\n');
    const { configPath } = await initialise(bench.request({ dataDirectory }), bench.dependencies);
    const keys = join(bench.directory, 'walvault-keys');
    const paths = [
      configPath,
      keys,
      join(keys, 'signing-private.asc'),
      join(bench.directory, 'repo', 'walvault.json'),
      // PostgreSQL's user checks with it, and restores.
      join(bench.directory, 'usb', 'walvault-orders-private.asc'),
    ];
    for (const path of paths) assert.equal((await stat(path)).uid, account?.uid ?? process.getuid?.(), path);
  });

  test('as root without an owner: a warning; as a user for somebody else: refused', async () => {
    const bench = await createBench();
    const owner = { name: 'nobody', uid: 65534, gid: 65534 };
    if (account === undefined) {
      assert.match(
        (await failureOf(initialise(bench.request({ owner }), bench.dependencies))).message,
        /only root can give/,
      );
      return;
    }
    await initialise(bench.request(), bench.dependencies);
    assert.ok(
      bench.events.some(
        ({ message, hint }) => message.includes('without --owner') && hint?.includes('--owner postgres'),
      ),
    );
  });

  test('a directory that is no data directory is refused', async () => {
    const bench = await createBench();
    const error = await failureOf(initialise(bench.request({ dataDirectory: '/etc' }), bench.dependencies));
    assert.match(error.message, /is not a data directory/);
  });
});
