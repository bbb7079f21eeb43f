/**
 * The keys that a configuration names, read from their files when first needed.
 *
 * A host that only pushes never reads a private key (P7); a host that only fetches never reads a recipient.
 */
import { fileBounds } from '../../base/bounds.ts';
import { systemCode, describeSystemCode, WalvaultError } from '../../base/errors/errors.ts';
import type { SecretSource } from '../../base/secret.ts';
import { readWhole } from '../../base/files/read.ts';
import { parseHostSecret, type HostSecret } from './host-secret.ts';
import {
  createDecryptor,
  createEncryptor,
  createSigner,
  readPrivateKeys,
  readPublicKeys,
  type Decryptor,
  type Encryptor,
  type PrivateKey,
  type PublicKey,
  type Signer,
} from '../../pipeline/openpgp/index.ts';

export interface KeySettings {
  readonly mode: 'openpgp' | 'passphrase' | 'none';
  readonly walRecipients: readonly string[];
  readonly backupRecipients: readonly string[];
  /** The first encrypts; all are tried for reading. */
  readonly passphrases: readonly SecretSource[];
  readonly privateKeys: readonly string[];
  /** Each is tried for each locked private key. */
  readonly privateKeyPassphrases: readonly SecretSource[];
  readonly hostSecret?: SecretSource | undefined;
  readonly signingKey: string | undefined;
  readonly signingPassphrase: SecretSource | undefined;
  readonly trustedSigners: readonly string[];
}

/** The use of an object: WAL and backups may have different recipients. */
export type ObjectUse = 'wal' | 'backup';

export class Keyring {
  readonly settings: KeySettings;
  readonly #cache = new Map<string, Promise<unknown>>();

  constructor(settings: KeySettings) {
    this.settings = settings;
  }

  /** The encryptor for objects of this use; undefined when encryption is off. */
  encryptor(use: ObjectUse): Promise<Encryptor | undefined> {
    return this.#once(`encryptor ${use}`, async () => {
      const { mode, passphrases } = this.settings;
      if (mode === 'none') return undefined;
      if (mode === 'openpgp')
        return createEncryptor({ recipients: await this.recipients(use) }, await this.signer());
      const [first] = passphrases;
      if (first === undefined)
        throw new WalvaultError(
          'config',
          'encryption.mode is "passphrase" and encryption.passphrase is not set',
        );
      return createEncryptor({ passphrase: await first.read() }, await this.signer());
    });
  }

  /** The public keys to which objects of this use are encrypted. */
  recipients(use: ObjectUse): Promise<PublicKey[]> {
    const paths = use === 'wal' ? this.settings.walRecipients : this.settings.backupRecipients;
    return this.#once(`recipients ${use}`, async () => {
      if (paths.length === 0) {
        throw new WalvaultError('config', `encryption.${use}-recipients names no public key`, {
          hint: 'Name at least one public key file, or set encryption.mode to "none" to store everything readable.',
        });
      }
      return this.#publicKeys(paths);
    });
  }

  decryptor(): Promise<Decryptor> {
    return this.#once('decryptor', async () => {
      return createDecryptor({
        privateKeys: await this.privateKeys(),
        passphrases: this.settings.passphrases,
        trustedSigners: await this.trustedSigners(),
        knownKeys: () => this.#knownRecipients(),
      });
    });
  }

  privateKeys(): Promise<PrivateKey[]> {
    return this.#once('private keys', async () => {
      const keys: PrivateKey[] = [];
      for (const path of this.settings.privateKeys) {
        keys.push(
          ...(await readPrivateKeys(await readKeyFile(path), path, this.settings.privateKeyPassphrases)),
        );
      }
      return keys;
    });
  }

  /** The host's own signing key, or undefined when none is configured. */
  signer(): Promise<Signer | undefined> {
    return this.#once('signer', async () => {
      const { signingKey, signingPassphrase } = this.settings;
      if (signingKey === undefined) return undefined;
      const [key] = await readPrivateKeys(
        await readKeyFile(signingKey),
        signingKey,
        signingPassphrase === undefined ? [] : [signingPassphrase],
      );
      if (key === undefined) throw new WalvaultError('key', `${signingKey}: holds no private key`);
      return createSigner(key);
    });
  }

  /**
   * The 32 bytes of the host's own secret, or undefined when none is configured.
   * @throws WalvaultError `config`, also for what is not 64 hex digits
   */
  hostSecret(): Promise<HostSecret | undefined> {
    return this.#once('host secret', async () => {
      const { hostSecret } = this.settings;
      return hostSecret && parseHostSecret(await hostSecret.read());
    });
  }

  trustedSigners(): Promise<PublicKey[]> {
    return this.#once('trusted signers', () => this.#publicKeys(this.settings.trustedSigners));
  }

  /** The recipients whose keys can be read; they only make a message clearer. */
  async #knownRecipients(): Promise<PublicKey[]> {
    const { walRecipients, backupRecipients } = this.settings;
    const paths = [...new Set([...walRecipients, ...backupRecipients])];
    const read = await Promise.allSettled(paths.map(path => this.#publicKeys([path])));
    return read.flatMap(result => (result.status === 'fulfilled' ? result.value : []));
  }

  async #publicKeys(paths: readonly string[]): Promise<PublicKey[]> {
    const keys: PublicKey[] = [];
    for (const path of paths) keys.push(...(await readPublicKeys(await readKeyFile(path), path)));
    return keys;
  }

  #once<T>(name: string, load: () => Promise<T>): Promise<T> {
    const known = this.#cache.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    // A failure is not kept: the next use in a resident process may find the file or the secret.
    const loading = load().catch((error: unknown) => {
      this.#cache.delete(name);
      throw error;
    });
    this.#cache.set(name, loading);
    return loading;
  }
}

async function readKeyFile(path: string): Promise<Uint8Array> {
  try {
    return await readWhole(path, fileBounds.keyFile.limitBytes);
  } catch (error) {
    throw new WalvaultError(
      'key',
      `cannot read key file ${path}: ${describeSystemCode(systemCode(error) ?? String(error))}`,
      {
        cause: error,
        hint: 'Check that the file exists and that the user running walvault (usually postgres) may read it.',
      },
    );
  }
}
