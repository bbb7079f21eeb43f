/** The packets of a key file, and the numbers in a key packet (RFC 9580 §4.2, §5.5 and §6); version 4 keys only. */
import { createHash } from 'node:crypto';
import { ecdhNumber, eddsaLegacyNumber, rsaNumber } from '../algorithms.ts';
import type { PrivateNumbers, PublicNumbers } from '../sign/signing-key.ts';

export interface KeyFilePacket {
  readonly tag: number;
  readonly body: Buffer;
}

export interface KeyPacket {
  /** 40 upper-case hex digits. */
  readonly fingerprint: string;
  readonly keyId: string;
  readonly createdSeconds: number;
  readonly algorithm: number;
  readonly publicNumbers: PublicNumbers;
  /** The private numbers of a key without a passphrase. */
  readonly privateNumbers: PrivateNumbers | undefined;
  /** Curve25519: hash and cipher that wrap a session key with a shared secret (RFC 9580 §11.5). */
  readonly derivation: { readonly hash: number; readonly cipher: number } | undefined;
  /** The bytes that signatures over this key cover: its public part with a header (§5.2.4). */
  readonly signedForm: Buffer;
}

/**
 * The binary content of one armored block. Undefined for any form that gpg and openpgp do not write; then the library
 * reads the block.
 */
export function readArmor(block: string): Buffer | undefined {
  const parts = /^-----BEGIN [^\n]+-----\r?\n(?:[A-Za-z]+: [^\n]*\n)*\r?\n([A-Za-z0-9+/=\s]+)-----END /.exec(
    block,
  );
  const text = /^([A-Za-z0-9+/\s]+=?=?)\s*(?:^=([A-Za-z0-9+/]{4})\s*)?$/m.exec(parts?.[1] ?? '');
  if (text?.[1] === undefined) return undefined;
  const data = Buffer.from(text[1].replaceAll(/\s/g, ''), 'base64');
  const checksum = text[2] === undefined ? undefined : Buffer.from(text[2], 'base64').readUIntBE(0, 3);
  return checksum !== undefined && checksum !== crc24(data) ? undefined : data;
}

/** The checksum of armor (RFC 9580 §6.1.1). */
function crc24(data: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of data) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++)
      crc = (crc & 0x800000) === 0 ? crc << 1 : ((crc << 1) ^ 0x864cfb) & 0xffffff;
  }
  return crc;
}

/** @throws RangeError if the data ends inside a packet */
export function splitPackets(data: Buffer): KeyFilePacket[] | undefined {
  const packets: KeyFilePacket[] = [];
  for (let offset = 0; offset < data.length;) {
    const first = data.readUInt8(offset++);
    if ((first & 0x80) === 0) return undefined;
    const isNew = (first & 0x40) !== 0;
    const found = isNew ? newLength(data, offset) : oldLength(data, offset, first & 3);
    if (found === undefined) return undefined;
    offset += found.headerBytes;
    if (offset + found.sizeBytes > data.length) return undefined;
    const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
    packets.push({ tag, body: data.subarray(offset, offset + found.sizeBytes) });
    offset += found.sizeBytes;
  }
  return packets;
}

interface Length {
  readonly headerBytes: number;
  readonly sizeBytes: number;
}

function newLength(data: Buffer, offset: number): Length | undefined {
  const first = data.readUInt8(offset);
  if (first < 192) return { headerBytes: 1, sizeBytes: first };
  if (first < 224)
    return { headerBytes: 2, sizeBytes: ((first - 192) << 8) + data.readUInt8(offset + 1) + 192 };
  return first < 255 ? undefined : { headerBytes: 5, sizeBytes: data.readUInt32BE(offset + 1) };
}

function oldLength(data: Buffer, offset: number, kind: number): Length | undefined {
  if (kind === 3) return undefined;
  const headerBytes = [1, 2, 4][kind] ?? 1;
  return { headerBytes, sizeBytes: data.readUIntBE(offset, headerBytes) };
}

/**
 * An RSA, Ed25519 or Curve25519 key of version 4. Undefined for all others, and for a private key that is missing or has
 * a passphrase.
 * @throws RangeError if the packet ends too early
 */
export function parseKeyPacket(body: Buffer, isPrivate: boolean): KeyPacket | undefined {
  const reader = new FieldReader(body);
  const version = reader.byte();
  const createdSeconds = reader.take(4).readUInt32BE();
  const algorithm = reader.byte();
  const numbers = version === 4 ? readPublicNumbers(reader, algorithm) : undefined;
  if (numbers === undefined) return undefined;
  const publicPart = body.subarray(0, reader.offset);
  const privateNumbers = isPrivate ? readPrivateNumbers(reader, algorithm) : undefined;
  if (reader.offset !== body.length || (isPrivate && privateNumbers === undefined)) return undefined;
  const head = Buffer.of(0x99, publicPart.length >> 8, publicPart.length & 0xff);
  const signedForm = Buffer.concat([head, publicPart]);
  const fingerprint = createHash('sha1').update(signedForm).digest('hex').toUpperCase();
  const { derivation, ...publicNumbers } = numbers;
  const keyId = fingerprint.slice(-16);
  return {
    fingerprint,
    keyId,
    createdSeconds,
    algorithm,
    publicNumbers,
    privateNumbers,
    derivation,
    signedForm,
  };
}

/** The curves' object identifiers in key packets (§9.2). */
const ed25519 = '2b06010401da470f01';
export const curve25519Oid = Buffer.from('2b060104019755010501', 'hex');
const smallestRsaBytes = 256;

function readPublicNumbers(reader: FieldReader, algorithm: number) {
  switch (algorithm) {
    case rsaNumber: {
      const [n, e] = [reader.number(), reader.number()];
      return n.length < smallestRsaBytes ? undefined : { n, e, derivation: undefined };
    }
    case eddsaLegacyNumber: {
      const curve = reader.take(reader.byte()).toString('hex');
      const Q = reader.number();
      return curve === ed25519 && isPoint(Q) ? { Q, derivation: undefined } : undefined;
    }
    case ecdhNumber: {
      const curve = reader.take(reader.byte());
      const Q = reader.number();
      const [size, one, hash = 0, cipher = 0] = reader.take(4);
      const isKnown = curve.equals(curve25519Oid) && isPoint(Q) && size === 3 && one === 1;
      return isKnown ? { Q, derivation: { hash, cipher } } : undefined;
    }
    default:
      return undefined;
  }
}

function isPoint(number: Buffer): boolean {
  return number.length === 33 && number[0] === 0x40;
}

function readPrivateNumbers(reader: FieldReader, algorithm: number): PrivateNumbers | undefined {
  if (reader.byte() !== 0) return undefined;
  const start = reader.offset;
  const first = reader.number();
  const numbers =
    algorithm === rsaNumber
      ? { d: first, p: reader.number(), q: reader.number(), u: reader.number() }
      : algorithm === eddsaLegacyNumber
        ? { seed: first }
        : { d: first };
  const sum = reader.body.subarray(start, reader.offset).reduce((total, byte) => total + byte, 0);
  return reader.take(2).readUInt16BE() === (sum & 0xffff) ? numbers : undefined;
}

class FieldReader {
  readonly body: Buffer;
  offset = 0;

  constructor(body: Buffer) {
    this.body = body;
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  /** A multiprecision integer (§3.2). */
  number(): Buffer {
    return this.take(Math.ceil(this.take(2).readUInt16BE() / 8));
  }

  take(sizeBytes: number): Buffer {
    const end = this.offset + sizeBytes;
    if (end > this.body.length) throw new RangeError('key packet ends early');
    const field = this.body.subarray(this.offset, end);
    this.offset = end;
    return field;
  }
}
