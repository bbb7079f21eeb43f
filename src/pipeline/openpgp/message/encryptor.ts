/** Makes OpenPGP messages, which `gpg -d` reads, from compressed data. */
import { createHash, randomBytes } from 'node:crypto';
import { tap, totalLength, type ByteStream } from '../../../base/bytes/streams.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import { ignoringDates } from '../ignoring-dates.ts';
import { bodyOverheadBytes, encryptBody, encryptBodyInto } from './integrity-protected.ts';
import type { PublicKey } from '../keys/keys.ts';
import { framePacket } from './packet-body.ts';
import { packetHeader, tags } from './packet-header.ts';
import { encryptSessionKey, passphrasePacket } from './session-key-packets.ts';
import type { Signer } from '../sign/signer.ts';
import { deriveKey } from '../keys/string-to-key.ts';

export type EncryptTo = { readonly recipients: readonly PublicKey[] } | { readonly passphrase: Secret };

/**
 * One message. `apply` may be called several times and gives the same bytes each time for the same data (session key,
 * prefix and time are fixed; the chunks of the source may differ), so a large file can be hashed first and sent
 * second. Different data must never be sent under one run: the caller compares what it hashed with what it sent.
 */
export interface EncryptionRun {
  apply(source: ByteStream): ByteStream;
  /**
   * The message for data in memory, up to 4 GiB, in a buffer from `allocate`. Its packets have definite lengths.
   */
  applyAtOnce(data: Uint8Array, allocate: (sizeBytes: number) => Buffer): Buffer;
}

export interface Encryptor {
  /** Begins the message for the object `objectKey`; the signature, if any, names this key. */
  start(objectKey: string): Promise<EncryptionRun>;
  /** Recipients that have expired or will within 60 days; they are encrypted to all the same. */
  readonly expiring: readonly ExpiringKey[];
}

export interface ExpiringKey extends Pick<PublicKey, 'fingerprint' | 'userId'> {
  readonly expiresAt: Date;
  readonly hasExpired: boolean;
}

/**
 * Encrypts with AES-256 to every recipient, or with a passphrase (its key is derived once here and used for all
 * messages). With a signer each message is signed inside the encryption.
 * @throws WalvaultError `key` if there is no recipient, or one whose key cannot encrypt
 */
export async function createEncryptor(to: EncryptTo, signer?: Signer): Promise<Encryptor> {
  const expiring = 'recipients' in to ? expiringAmong(to.recipients, new Date()) : [];
  const makeSessionKey =
    'recipients' in to ? await forRecipients(to.recipients) : forPassphrase(to.passphrase);
  return {
    expiring,
    async start(objectKey) {
      const { sessionKey, packets } = await makeSessionKey();
      const prefix = randomBytes(16);
      const timeSeconds = Math.floor(Date.now() / 1000);
      return {
        apply(source) {
          const message =
            signer === undefined
              ? literalPacket(source, timeSeconds)
              : signedLiteral(source, signer, { objectKey, timeSeconds });
          return encryptedMessage(packets, encryptBody(message, sessionKey, prefix));
        },
        applyAtOnce(data, allocate) {
          const message = [literalHead(data.length, timeSeconds), data];
          if (signer !== undefined) {
            message.unshift(signer.onePassPacket());
            const hash = createHash('sha256').update(data);
            message.push(signer.signaturePacket(hash, { objectKey, timeSeconds }));
          }
          const bodyBytes = totalLength(message) + bodyOverheadBytes;
          const head = Buffer.concat([packets, packetHeader(tags.integrityProtected, bodyBytes)]);
          const encrypted = allocate(head.length + bodyBytes);
          encrypted.set(head);
          encryptBodyInto(encrypted.subarray(head.length), message, { sessionKey, prefix });
          return encrypted;
        },
      };
    },
  };
}

interface MadeSessionKey {
  readonly sessionKey: Uint8Array;
  readonly packets: Uint8Array;
}

async function forRecipients(recipients: readonly PublicKey[]): Promise<() => Promise<MadeSessionKey>> {
  if (recipients.length === 0)
    throw new WalvaultError('key', 'encryption is on and there is no key to encrypt to');
  for (const recipient of recipients) await requireEncryptionKey(recipient);
  return async () => {
    const sessionKey = randomBytes(32);
    return { sessionKey, packets: await encryptSessionKey(sessionKey, recipients) };
  };
}

function forPassphrase(passphrase: Secret): () => Promise<MadeSessionKey> {
  const { packet, parameters } = passphrasePacket(randomBytes(8));
  const sessionKey = deriveKey(passphrase.reveal(), parameters, 32);
  return () => Promise.resolve({ sessionKey, packets: packet });
}

async function requireEncryptionKey(recipient: PublicKey): Promise<void> {
  if (recipient.encryptionKey !== undefined) return;
  const { fingerprint, userId } = recipient;
  const key = await recipient.openKey();
  try {
    await key.getEncryptionKey(undefined, ignoringDates);
  } catch (error) {
    const name = `key ${fingerprint} (${userId})`;
    const isRevoked = await key.isRevoked();
    throw new WalvaultError(
      'key',
      isRevoked ? `${name} is revoked` : `${name} has no subkey that can be encrypted to`,
      { cause: error, hint: 'Give the public key of a pair made for encryption.' },
    );
  }
}

const noticeMs = 60 * 24 * 3600 * 1000;

function expiringAmong(keys: readonly PublicKey[], now: Date): ExpiringKey[] {
  return keys.flatMap(({ fingerprint, userId, expiresAt }) => {
    if (expiresAt === undefined || expiresAt.getTime() - now.getTime() > noticeMs) return [];
    return [{ fingerprint, userId, expiresAt, hasExpired: expiresAt <= now }];
  });
}

async function* signedLiteral(
  source: ByteStream,
  signer: Signer,
  statement: { objectKey: string; timeSeconds: number },
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  yield signer.onePassPacket();
  const hashed = tap(source, chunk => hash.update(chunk));
  yield* literalPacket(hashed, statement.timeSeconds);
  yield signer.signaturePacket(hash, statement);
}

function literalPacket(source: ByteStream, timeSeconds: number): AsyncGenerator<Uint8Array> {
  return framePacket(tags.literal, withHead(literalFields(timeSeconds), source));
}

/** The bytes of the literal packet before its data. */
function literalHead(sizeBytes: number, timeSeconds: number): Buffer {
  const fields = literalFields(timeSeconds);
  return Buffer.concat([packetHeader(tags.literal, fields.length + sizeBytes), fields]);
}

/** Binary data without a file name (RFC 9580 §5.9). */
function literalFields(timeSeconds: number): Buffer {
  const fields = Buffer.from('b\0\0\0\0\0', 'latin1');
  fields.writeUInt32BE(timeSeconds, 2);
  return fields;
}

async function* encryptedMessage(packets: Uint8Array, body: ByteStream): AsyncGenerator<Uint8Array> {
  yield* gathered(withHead(packets, framePacket(tags.integrityProtected, body)));
}

async function* withHead(head: Uint8Array, source: ByteStream): AsyncGenerator<Uint8Array> {
  yield head;
  yield* source;
}

const gatherBytes = 1024 * 1024;

/** Joins the many small pieces of the framing into larger chunks, which cost fewer system calls. */
async function* gathered(source: ByteStream): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of source) {
    pieces.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes < gatherBytes) continue;
    yield Buffer.concat(pieces, sizeBytes);
    pieces = [];
    sizeBytes = 0;
  }
  if (sizeBytes > 0) yield Buffer.concat(pieces, sizeBytes);
}
