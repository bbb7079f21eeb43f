/**
 * pgBackRest, configured for fast archiving: asynchronous, zstd at level 1, two processes, with an encrypted
 * repository. It archives the same segments of the same cluster as walvault.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from '../../test/support/site/run.ts';
import { temporaryDirectory } from '../../test/support/site/temp.ts';
import { giveToUnprivileged } from '../../test/support/site/unprivileged.ts';
import type { S3Address } from './s3-main.ts';

export interface PgBackRest {
  /** For archive_command. */
  readonly pushCommand: string;
  /** Takes a full backup, and removes the one before. */
  readonly backupCommand: string;
  /** Restores the newest backup into an empty directory. */
  restoreCommand(directory: string): string;
  /** Of a cluster that runs, or of a stopped one without `port`. */
  createStanza(cluster: { dataDirectory: string; socketDirectory?: string; port?: number }): Promise<void>;
  /** Removes the repository and the state of pgBackRest. */
  forget(): void;
}

/** Undefined where it is not installed. */
export async function pgBackRestVersion(): Promise<string | undefined> {
  const isInstalled = (process.env['PATH'] ?? '')
    .split(':')
    .some(directory => existsSync(join(directory, 'pgbackrest')));
  return isInstalled ? (await runOk('pgbackrest', ['version'])).stdout.trim() : undefined;
}

/** On a directory, or on S3 with `s3`. */
export function setUpPgBackRest(s3?: S3Address): PgBackRest {
  const directory = temporaryDirectory('pgbackrest');
  const config = join(directory, 'pgbackrest.conf');
  const base = ['--config', config, '--stanza', 'bench'];
  const places = ['repository', 'log', 'lock', 'spool'].map(name => join(directory, name));
  const forget = () => {
    for (const place of places) {
      rmSync(place, { recursive: true, force: true });
      mkdirSync(place);
    }
    giveToUnprivileged(directory);
  };
  return {
    pushCommand: ['pgbackrest', ...base, 'archive-push'].join(' '),
    backupCommand: ['pgbackrest', ...base, '--type=full', 'backup'].join(' '),
    restoreCommand: path => ['pgbackrest', ...base, `--pg1-path=${path}`, 'restore'].join(' '),
    forget,
    async createStanza({ dataDirectory, socketDirectory, port }) {
      writeFileSync(
        config,
        textOf({
          bench: {
            'pg1-path': dataDirectory,
            ...(port !== undefined && { 'pg1-port': port }),
            ...(socketDirectory !== undefined && { 'pg1-socket-path': socketDirectory }),
          },
          global: { ...settingsIn(directory), ...(s3 && repositoryOn(s3)) },
        }),
      );
      giveToUnprivileged(directory);
      const online = port === undefined ? ['--no-online'] : [];
      await runOk('pgbackrest', [...base, ...online, 'stanza-create']);
    },
  };
}

function settingsIn(directory: string) {
  return {
    'repo1-path': join(directory, 'repository'),
    'repo1-cipher-type': 'aes-256-cbc',
    'repo1-cipher-pass': 'of the bench',
    'log-path': join(directory, 'log'),
    'lock-path': join(directory, 'lock'),
    'spool-path': join(directory, 'spool'),
    'log-level-console': 'warn',
    'log-level-file': 'off',
    'archive-async': 'y',
    'compress-type': 'zst',
    'compress-level': 1,
    'process-max': 2,
    'start-fast': 'y',
    'repo1-retention-full': 1,
  };
}

function repositoryOn({ endpoint, bucket, region, accessKeyId, secretAccessKey }: S3Address) {
  const { hostname, port } = new URL(endpoint);
  return {
    'repo1-type': 's3',
    'repo1-path': '/pgbackrest',
    'repo1-s3-endpoint': hostname,
    'repo1-storage-port': port,
    'repo1-s3-bucket': bucket,
    'repo1-s3-region': region,
    'repo1-s3-uri-style': 'path',
    'repo1-s3-key': accessKeyId,
    'repo1-s3-key-secret': secretAccessKey,
    // It looks for 127.0.0.1 among the host names of the certificate, and not among the addresses.
    'repo1-storage-verify-tls': 'n',
  };
}

function textOf(sections: Readonly<Record<string, Readonly<Record<string, string | number>>>>): string {
  return Object.entries(sections)
    .map(([section, settings]) => {
      const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
      return `[${section}]\n${lines.join('')}`;
    })
    .join('');
}
