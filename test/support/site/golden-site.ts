/** A copy of a golden archive, with a configuration that reads it. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Expected } from '../../../scripts/golden/expected.ts';
import { bareEnvironment, type Environment, type RunOptions, type RunResult } from './run.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged } from './unprivileged.ts';
import { runWalvault } from './walvault.ts';

export interface GoldenSite {
  readonly expected: Expected;
  readonly configPath: string;
  readonly repositoryPath: string;
  /** What a server that recovers from it has in its environment. */
  readonly readerEnv: Environment;
  walvault(args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

const sets = resolve(import.meta.dirname, '../../golden');

/** `v1/encrypted`, `v1/plain`… */
export function goldenSets(): string[] {
  const names = (directory: string) =>
    readdirSync(directory, { withFileTypes: true }).flatMap(entry =>
      entry.isDirectory() ? [entry.name] : [],
    );
  return names(sets).flatMap(set => names(join(sets, set)).map(kind => `${set}/${kind}`));
}

export function openGoldenSite(set: string): GoldenSite {
  const directory = join(temporaryDirectory('golden'), 'site');
  cpSync(join(sets, set), directory, { recursive: true });
  const privateKeyPath = join(directory, 'offline', 'walvault-orders-private.asc');
  const isEncrypted = existsSync(privateKeyPath);
  const configPath = join(directory, 'walvault.toml');
  writeFileSync(configPath, configuration(directory, isEncrypted));
  giveToUnprivileged(directory);
  const readerEnv = {
    WALVAULT_FETCH_TIMEOUT: '15s',
    ...(isEncrypted && { WALVAULT_ENCRYPTION_PRIVATE_KEYS: privateKeyPath }),
  };
  return {
    expected: JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8')) as Expected,
    configPath,
    repositoryPath: join(directory, 'repository'),
    readerEnv,
    walvault: (args, run = {}) =>
      runWalvault(args, {
        ...run,
        config: configPath,
        env: { ...bareEnvironment, ...readerEnv, ...run.env },
      }),
  };
}

/** WAL has its signature inside the encryption: without encryption only records and notes are signed. */
function configuration(directory: string, isEncrypted: boolean): string {
  return [
    'cluster = "orders"',
    '[[repository]]',
    'name = "main"',
    `url = "file://${directory}/repository"`,
    '[encryption]',
    isEncrypted ? `wal-recipients = ["${directory}/offline/walvault-orders-public.asc"]` : 'mode = "none"',
    '[signing]',
    `trusted-signers = ["${directory}/walvault-keys/signing-public.asc"]`,
    `verify = "${isEncrypted ? 'require' : 'warn'}"`,
    '',
  ].join('\n');
}
