/**
 * The body of an integrity-protected packet, version 1 (RFC 9580 §5.13.1): AES in CFB mode over a random prefix, the
 * data and a SHA-1 of both. Every gpg reads it.
 */
import { createCipheriv, createHash, type Cipheriv } from 'node:crypto';
import { release, type ByteStream } from '../../../base/bytes/streams.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { ByteReader } from '../../byte-reader.ts';
import { CfbDecipher } from './cfb-decipher.ts';
import { damaged } from '../damaged.ts';
import { tags } from './packet-header.ts';

export interface SessionKey {
  /** 16, 24 or 32 bytes of AES key. */
  readonly data: Uint8Array;
  /** A wrong passphrase shows only in the prefix; a key from a public-key packet carries its own checksum. */
  readonly isFromPassphrase: boolean;
}

const blockSizeBytes = 16;
const digestHeader = Buffer.of(0xd3, 0x14);
const digestPacketBytes = 22;

/** The encrypted body as a stream. `prefix`: 16 random bytes, new for every message. */
export async function* encryptBody(
  plain: ByteStream,
  sessionKey: Uint8Array,
  prefix: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const encryption = new BodyEncryption(sessionKey);
  yield encryption.start(prefix);
  for await (const chunk of plain)
    for (let at = 0; at < chunk.length; at += pieceBytes)
      yield encryption.update(chunk.subarray(at, at + pieceBytes));
  yield encryption.finish();
}

/** By how many bytes a body is longer than its plain data. */
export const bodyOverheadBytes = 1 + blockSizeBytes + 2 + digestPacketBytes;

/** Encrypts data in memory into the beginning of `target`, which must have room for the data and the overhead. */
export function encryptBodyInto(
  target: Uint8Array,
  plain: readonly Uint8Array[],
  { sessionKey, prefix }: { readonly sessionKey: Uint8Array; readonly prefix: Uint8Array },
): void {
  const encryption = new BodyEncryption(sessionKey);
  let position = 0;
  const write = (piece: Uint8Array) => {
    target.set(piece, position);
    position += piece.length;
    release(piece);
  };
  write(encryption.start(prefix));
  for (const part of plain)
    for (let at = 0; at < part.length; at += pieceBytes)
      write(encryption.update(part.subarray(at, at + pieceBytes)));
  write(encryption.finish());
}

/** The size of a piece, which stays in the processor's cache for digest and cipher. */
const pieceBytes = 64 * 1024;

class BodyEncryption {
  readonly #cipher: Cipheriv;
  readonly #digest = createHash('sha1');

  constructor(sessionKey: Uint8Array) {
    this.#cipher = createCipheriv(cipherName(sessionKey), sessionKey, Buffer.alloc(blockSizeBytes));
  }

  start(prefix: Uint8Array): Uint8Array {
    return Buffer.concat([Buffer.of(1), this.update(Buffer.concat([prefix, prefix.subarray(-2)]))]);
  }

  update(piece: Uint8Array): Uint8Array {
    this.#digest.update(piece);
    return this.#cipher.update(piece);
  }

  finish(): Uint8Array {
    const digest = this.#digest.update(digestHeader).digest();
    return this.#cipher.update(Buffer.concat([digestHeader, digest]));
  }
}

/**
 * The plain data. It comes before the digest at the end is compared: do not rely on any of it until the stream has ended
 * without an error.
 * @throws WalvaultError `key` if the passphrase does not fit, `damaged` if the digest is wrong or missing
 */
export async function* decryptBody(
  body: ByteStream,
  keys: AsyncIterable<SessionKey>,
  what: string,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(body, what);
  const version = (await reader.exactly(1)).readUInt8();
  if (version !== 1) throw damaged(what, `encrypted data of version ${version}, walvault reads version 1`);
  const { decipher, head } = await openHead(await reader.exactly(headBytes), keys, what);
  const digest = createHash('sha1').update(head.subarray(0, prefixBytes));
  // The last 22 bytes are the digest packet, so the newest bytes are held back until more have come.
  let held: Buffer = head.subarray(prefixBytes);
  for (let chunk; (chunk = await reader.some(Infinity)) !== undefined;) {
    const plain = decipher.update(chunk);
    if (held.length < digestPacketBytes || plain.length < digestPacketBytes) {
      held = Buffer.concat([held, plain]);
      if (held.length < 4096) continue;
      const ready = held.subarray(0, -digestPacketBytes);
      held = Buffer.from(held.subarray(-digestPacketBytes));
      digest.update(ready);
      yield ready;
    } else {
      digest.update(held);
      yield held;
      held = plain;
    }
  }
  if (held.length < digestPacketBytes) throw damaged(what, 'ends before its integrity digest');
  const last = held.subarray(0, -digestPacketBytes);
  digest.update(last).update(digestHeader);
  if (!held.subarray(-digestPacketBytes).equals(Buffer.concat([digestHeader, digest.digest()])))
    throw damaged(what, 'integrity digest does not match');
  if (last.length > 0) yield last;
}

/** The prefix, and the beginning of the plain data: with the digest packet it is never shorter. */
const prefixBytes = blockSizeBytes + 2;
const headBytes = prefixBytes + 8;

/**
 * Finds the key with which the prefix repeats its last two bytes. Of many wrong passphrases one does so, too, in one of
 * 65,536 messages: so what follows must look like a message, if any key makes it so.
 */
async function openHead(encryptedHead: Buffer, keys: AsyncIterable<SessionKey>, what: string) {
  let isWhole = false;
  let fitting: { decipher: CfbDecipher; head: Buffer } | undefined;
  for await (const key of keys) {
    isWhole ||= !key.isFromPassphrase;
    const decipher = new CfbDecipher(key.data);
    const head = decipher.update(encryptedHead);
    if (head.readUInt16BE(blockSizeBytes - 2) !== head.readUInt16BE(blockSizeBytes)) continue;
    if (!key.isFromPassphrase || beginsMessage(head.subarray(prefixBytes))) return { decipher, head };
    fitting ??= { decipher, head };
  }
  if (fitting !== undefined) return fitting;
  if (isWhole) throw damaged(what, 'encrypted data does not fit its session key');
  throw new WalvaultError('key', `${what}: the passphrase does not open it`, {
    hint: 'Use the passphrase that was set when this object was written (encryption.passphrase may be a list); if it is the right one, the object is damaged.',
  });
}

/** True for what walvault and gpg write: a one-pass signature, literal data or compressed data. */
function beginsMessage(plain: Buffer): boolean {
  const [first = 0, second = 0] = plain;
  const isNew = (first & 0x40) !== 0;
  const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
  const lengthBytes = isNew ? newLengthBytes(second) : [1, 2, 4, 0][first & 3];
  const body = plain.subarray(1 + (lengthBytes ?? 0));
  if ((first & 0x80) === 0) return false;
  if (tag === tags.onePassSignature) return second === 13 && body[0] === 3;
  if (tag === tags.literal) return body[0] !== undefined && literalFormats.includes(body[0]);
  return tag === tags.compressed && (body[0] ?? 4) < 4;
}

function newLengthBytes(first: number): number {
  return first === 255 ? 5 : first >= 192 && first < 224 ? 2 : 1;
}

/** b, l, m, t, u and the 1 of old versions (RFC 9580 §5.9). */
const literalFormats = [0x62, 0x6c, 0x6d, 0x74, 0x75, 0x31];

function cipherName(key: Uint8Array): string {
  return `aes-${key.length * 8}-cfb`;
}
