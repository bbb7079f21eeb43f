/**
 * The secret of a host: with it the host opens what it stored of its own earlier backups, so that it needs no private key
 * (P7), and nobody else makes such an object or reads one.
 *
 * Each backup has a key of its own, derived by HKDF-SHA256 (RFC 5869). Objects are sealed with AES-256-GCM, and what they
 * are bound to is authenticated with them: a sealed object that is moved to another place does not open.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { HighwayKey } from '../../base/checksum/highway-hash.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { Hidden, type Secret } from '../../base/secret.ts';

const secretBytes = 32;
const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** The beginning of every sealed object. */
const magic = Buffer.from('walvault-sealed1');

/** What sealing adds to the size of the plain bytes. */
export const sealBytes = magic.length + nonceBytes + tagBytes;

/** True if the bytes begin as sealed ones do, whoever has sealed them. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes.length >= sealBytes && magic.equals(bytes.subarray(0, magic.length));
}

/** A new secret as its file has it: 64 hex digits. */
export function newHostSecret(): string {
  return randomBytes(secretBytes).toString('hex');
}

/** @throws WalvaultError `config` */
export function parseHostSecret(secret: Secret): HostSecret {
  const text = secret.reveal();
  if (!/^[0-9a-f]{64}$/i.test(text))
    throw new WalvaultError('config', 'encryption.host-secret is not 64 hex digits', {
      hint: 'Make one: (umask 077; openssl rand -hex 32 > /etc/walvault-keys/host-secret)',
    });
  return new HostSecret(Buffer.from(text, 'hex'));
}

export class HostSecret extends Hidden {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    super();
    this.#secret = secret;
  }

  /** @param purpose what the key is for: two purposes never have one key */
  keyFor(purpose: string): SealingKey {
    return new SealingKey(this.#derive(purpose));
  }

  /** A key that digests pages: nobody without the secret finds two pages with one digest. @param purpose as in `keyFor` */
  hashKeyFor(purpose: string): HighwayKey {
    return new HighwayKey(this.#derive(purpose));
  }

  /** The same for equal texts, and tells nobody without the secret anything of them: 64 hex digits. */
  markOf(text: string): string {
    return createHmac('sha256', this.#secret).update(text).digest('hex');
  }

  #derive(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#secret, '', `walvault 1 ${purpose}`, secretBytes));
  }
}

export class SealingKey extends Hidden {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    super();
    this.#key = key;
  }

  /** @param place what the object is bound to */
  seal(plain: Uint8Array, place: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const sealing = createCipheriv(cipher, this.#key, nonce, { authTagLength: tagBytes });
    sealing.setAAD(Buffer.from(place));
    const sealed = [sealing.update(plain), sealing.final()];
    return Buffer.concat([magic, nonce, ...sealed, sealing.getAuthTag()]);
  }

  /** Undefined unless this key has sealed these very bytes for this place. */
  unseal(sealed: Uint8Array, place: string): Buffer | undefined {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
    if (!isSealed(bytes)) return undefined;
    const nonce = bytes.subarray(magic.length, magic.length + nonceBytes);
    const opening = createDecipheriv(cipher, this.#key, nonce, { authTagLength: tagBytes });
    opening.setAAD(Buffer.from(place));
    opening.setAuthTag(bytes.subarray(-tagBytes));
    const plain = opening.update(bytes.subarray(magic.length + nonceBytes, -tagBytes));
    try {
      opening.final();
    } catch {
      return undefined;
    }
    return plain;
  }
}
