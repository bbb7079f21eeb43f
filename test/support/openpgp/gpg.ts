/** Real GnuPG with a key ring of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareEnvironment, run, runOk, type RunResult } from '../site/run.ts';
import { onExit } from '../site/on-exit.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged, unprivilegedIds } from '../site/unprivileged.ts';
import { spawnSync } from 'node:child_process';

export interface Gpg {
  readonly home: string;
  /** Any gpg command line in this key ring; never asks anything. */
  run(args: readonly string[], input?: string | Uint8Array): Promise<RunResult>;
  /** Imports armored or binary keys, public or private. */
  importKeys(keys: string | Uint8Array): Promise<void>;
  /** Makes a key that signs and encrypts and returns its fingerprint. `algorithm` as `--quick-generate-key` takes it. */
  generateKey(userId: string, algorithm?: string): Promise<string>;
  exportPublic(userId: string): Promise<string>;
  exportPrivate(userId: string): Promise<string>;
  /** Decrypts with what the key ring holds, or with `passphrase`. Throws gpg's words on failure. */
  decrypt(message: Uint8Array, passphrase?: string): Promise<{ plain: Buffer; status: string }>;
}

export function createGpg(): Gpg {
  const directory = temporaryDirectory('gpg');
  const home = join(directory, 'h');
  mkdirSync(home, { mode: 0o700 });
  giveToUnprivileged(directory);
  const env = { ...bareEnvironment, GNUPGHOME: home, HOME: directory };
  // Without a trust database, importing a revocation under --trust-model always is fatal (gpg 2.2).
  spawnSync('gpg', ['--batch', '--check-trustdb'], { env, cwd: '/', stdio: 'ignore', ...unprivilegedIds() });
  onExit(() => spawnSync('gpgconf', ['--kill', 'all'], { env, cwd: '/', ...unprivilegedIds() }));

  const base = ['--batch', '--yes', '--no-tty', '--pinentry-mode', 'loopback', '--trust-model', 'always'];
  const ok = async (args: readonly string[], input?: string | Uint8Array) =>
    runOk('gpg', [...base, ...args], { env, ...(input === undefined ? {} : { input }) });

  return {
    home,
    run: (args, input) => run('gpg', [...base, ...args], { env, ...(input === undefined ? {} : { input }) }),
    async importKeys(keys) {
      await ok(['--import'], keys);
    },
    async generateKey(userId, algorithm = 'default') {
      const usage = algorithm === 'default' ? [] : ['default'];
      await ok(['--passphrase', '', '--quick-generate-key', userId, algorithm, ...usage, 'never']);
      const { stdout } = await ok(['--with-colons', '--list-keys', userId]);
      const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(stdout)?.[1];
      if (fingerprint === undefined) throw new Error(`gpg made no key for ${userId}`);
      return fingerprint;
    },
    exportPublic: async userId => (await ok(['--armor', '--export', userId])).stdout,
    exportPrivate: async userId =>
      (await ok(['--armor', '--passphrase', '', '--export-secret-keys', userId])).stdout,
    async decrypt(message, passphrase) {
      const secretPath = join(directory, 'passphrase');
      if (passphrase !== undefined) writeFileSync(secretPath, passphrase, { mode: 0o644 });
      const secret = passphrase === undefined ? [] : ['--passphrase-file', secretPath];
      const result = await ok(['--status-fd', '2', ...secret, '--decrypt'], message);
      return { plain: result.stdoutBytes, status: result.stderr };
    },
  };
}
