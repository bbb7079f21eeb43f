/**
 * The installation that the rows of the bench use: real WAL, a directory repository, an S3 repository over TLS in
 * another process, gpg, an agent, and pgBackRest if it is installed.
 */
import { readFileSync } from 'node:fs';
import { createGpg } from '../../test/support/openpgp/gpg.ts';
import { createSite, type Site } from '../../test/support/site/site.ts';
import { walvaultExecutable } from '../../test/support/site/walvault.ts';
import { makeRealWal, type RealWal } from './real-wal.ts';
import { forgetFiles } from './repository-files.ts';
import { startS3Site } from './s3-site.ts';
import { prepareStoredPeerPush } from './stored-peer-push.ts';
import { startWarmPush, type WarmPush } from './warm-push.ts';

export interface Repository {
  readonly env: Readonly<Record<string, string>>;
  /** Removes the segments, so that the next push stores its segment again. */
  forget(): Promise<void>;
}

export interface PushBench extends AsyncDisposable {
  readonly walvault: string;
  readonly wal: RealWal;
  readonly directory: Repository;
  readonly s3: Repository;
  readonly warm: WarmPush;
  /** Script of pgBackRest's push of a stored segment; undefined where it is not installed. */
  readonly storedPeer: string | undefined;
  /** Encrypts to the same key as walvault does. */
  readonly gpg: { readonly args: string; readonly env: Readonly<Record<string, string>> };
}

export async function openPushBench(): Promise<PushBench> {
  const wal = await makeRealWal();
  const directory = await createSite();
  const s3 = await startS3Site('imitation');
  const warm = await startWarmPush(wal);
  return {
    walvault: walvaultExecutable(),
    wal,
    directory: { env: environmentOf(directory), forget: async () => forgetFiles(directory.repositoryPath) },
    s3: { env: environmentOf(s3.site), forget: s3.forget },
    warm,
    storedPeer: await prepareStoredPeerPush(wal),
    gpg: await gpgFor(directory),
    async [Symbol.asyncDispose]() {
      await warm[Symbol.asyncDispose]();
      await s3[Symbol.asyncDispose]();
    },
  };
}

function environmentOf({ configPath, privateKeyPath }: Site): Record<string, string> {
  return {
    WALVAULT_CONFIG: configPath,
    WALVAULT_ENCRYPTION_PRIVATE_KEYS: privateKeyPath,
    WALVAULT_AGENT_MODE: 'off',
  };
}

async function gpgFor({ privateKeyPath }: Site): Promise<PushBench['gpg']> {
  const gpg = createGpg();
  await gpg.importKeys(readFileSync(privateKeyPath.replace('private', 'public')));
  const { stdout } = await gpg.run(['--with-colons', '--list-keys']);
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(stdout)?.[1] ?? '';
  const args = `--batch --quiet --no-tty --trust-model always --recipient ${fingerprint}`;
  return { args, env: { GNUPGHOME: gpg.home } };
}
