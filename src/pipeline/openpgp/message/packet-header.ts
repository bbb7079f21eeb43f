/** Packet headers (RFC 9580 §4.2): written in the new form, read in both forms. */
import type { ByteReader } from '../../byte-reader.ts';
import { damaged } from '../damaged.ts';

export const tags = {
  publicKeySessionKey: 1,
  signature: 2,
  passphraseSessionKey: 3,
  onePassSignature: 4,
  compressed: 8,
  encryptedWithoutIntegrity: 9,
  marker: 10,
  literal: 11,
  integrityProtected: 18,
} as const;

export interface PacketHeader {
  readonly tag: number;
  /** The form of the body's length. With `partial` the size is that of the first part. */
  readonly length:
    | { readonly kind: 'definite' | 'partial'; readonly sizeBytes: number }
    | { readonly kind: 'indeterminate' };
}

/** A whole packet in memory. */
export function writePacket(tag: number, body: Uint8Array): Buffer {
  return Buffer.concat([packetHeader(tag, body.length), body]);
}

/** The header of a packet of known length. */
export function packetHeader(tag: number, sizeBytes: number): Buffer {
  return Buffer.concat([Buffer.of(0xc0 | tag), definiteLength(sizeBytes)]);
}

export function definiteLength(sizeBytes: number): Buffer {
  if (sizeBytes < 192) return Buffer.of(sizeBytes);
  if (sizeBytes < 8384) return Buffer.of(((sizeBytes - 192) >> 8) + 192, (sizeBytes - 192) & 0xff);
  const length = Buffer.alloc(5, 0xff);
  length.writeUInt32BE(sizeBytes, 1);
  return length;
}

/**
 * The next packet's header, or undefined at the end of the stream.
 * @throws WalvaultError `damaged`
 */
export async function readPacketHeader(reader: ByteReader, what: string): Promise<PacketHeader | undefined> {
  const first = await reader.byteOrEnd();
  if (first === undefined) return undefined;
  if ((first & 0x80) === 0) throw damaged(what, 'not an OpenPGP packet where one should start');
  if ((first & 0x40) !== 0) return { tag: first & 0x3f, length: await readNewLength(reader) };
  const lengthBytes = [1, 2, 4][first & 3];
  const length: PacketHeader['length'] =
    lengthBytes === undefined
      ? { kind: 'indeterminate' }
      : { kind: 'definite', sizeBytes: (await reader.exactly(lengthBytes)).readUIntBE(0, lengthBytes) };
  return { tag: (first >> 2) & 0x0f, length };
}

export async function readNewLength(
  reader: ByteReader,
): Promise<{ kind: 'definite' | 'partial'; sizeBytes: number }> {
  const first = (await reader.exactly(1)).readUInt8();
  if (first < 192) return { kind: 'definite', sizeBytes: first };
  if (first < 224) {
    const second = (await reader.exactly(1)).readUInt8();
    return { kind: 'definite', sizeBytes: ((first - 192) << 8) + second + 192 };
  }
  if (first < 255) return { kind: 'partial', sizeBytes: 2 ** (first & 0x1f) };
  return { kind: 'definite', sizeBytes: (await reader.exactly(4)).readUInt32BE() };
}
