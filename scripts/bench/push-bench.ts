/** What the rows of the bench run on: real WAL, a directory repository, an S3 one over TLS in another process, gpg. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createGpg } from '../../test/harness/gpg.ts';
import { createSite, type Site } from '../../test/harness/site.ts';
import { temporaryDirectory } from '../../test/harness/temp.ts';
import { giveToUnprivileged } from '../../test/harness/unprivileged.ts';
import { walvaultExecutable } from '../../test/harness/walvault.ts';
import { makeRealWal, type RealWal } from './real-wal.ts';

export interface Repository {
  readonly env: Readonly<Record<string, string>>;
  /** Takes the segments away, so that the next push is a first one. */
  forget(): Promise<void>;
}

export interface PushBench extends AsyncDisposable {
  readonly walvault: string;
  readonly wal: RealWal;
  readonly directory: Repository;
  readonly s3: Repository;
  /** Encrypts to the same key as walvault does. */
  readonly gpg: { readonly args: string; readonly env: Readonly<Record<string, string>> };
}

interface S3Address {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly caFile: string;
}

export async function openPushBench(): Promise<PushBench> {
  const wal = await makeRealWal();
  const directory = await createSite();
  const server = fork(resolve(import.meta.dirname, 's3-main.ts'));
  const [address] = (await once(server, 'message')) as [S3Address];
  const s3 = await createS3Site(address);
  return {
    walvault: walvaultExecutable(),
    wal,
    directory: { env: environmentOf(directory), forget: async () => forgetFiles(directory.repositoryPath) },
    s3: { env: environmentOf(s3), forget: () => forgetObjects(server) },
    gpg: await gpgFor(directory),
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'exit');
      server.disconnect();
      await ended;
    },
  };
}

async function createS3Site({ url, accessKeyId, secretAccessKey, caFile }: S3Address): Promise<Site> {
  const directory = temporaryDirectory('s3-key');
  const secretPath = join(directory, 'secret');
  writeFileSync(secretPath, secretAccessKey, { mode: 0o600 });
  giveToUnprivileged(directory);
  const keys = ['--access-key-id', accessKeyId, '--secret-access-key-file', secretPath];
  return await createSite({ initArgs: [...keys, '--ca-file', caFile], repositoryUrl: () => url });
}

function environmentOf({ configPath, privateKeyPath }: Site): Record<string, string> {
  return { WALVAULT_CONFIG: configPath, WALVAULT_ENCRYPTION_PRIVATE_KEYS: privateKeyPath };
}

function forgetFiles(repository: string): void {
  for (const path of readdirSync(repository, { recursive: true, encoding: 'utf8' }))
    if (path.endsWith('/wal')) rmSync(join(repository, path), { recursive: true });
}

async function forgetObjects(server: ChildProcess): Promise<void> {
  const done = once(server, 'message');
  server.send('forget');
  await done;
}

async function gpgFor({ privateKeyPath }: Site): Promise<PushBench['gpg']> {
  const gpg = createGpg();
  await gpg.importKeys(readFileSync(privateKeyPath.replace('private', 'public')));
  const { stdout } = await gpg.run(['--with-colons', '--list-keys']);
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(stdout)?.[1] ?? '';
  const args = `--batch --quiet --no-tty --trust-model always --recipient ${fingerprint}`;
  return { args, env: { GNUPGHOME: gpg.home } };
}
