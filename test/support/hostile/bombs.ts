/** Small objects that unpack to very much, as somebody makes them who wants to fill a disk. */
import { deflateRawSync } from 'node:zlib';
import { encryptBody } from '../../../src/pipeline/openpgp/message/integrity-protected.ts';
import { tags, writePacket } from '../../../src/pipeline/openpgp/message/packet-header.ts';
import { passphrasePacket } from '../../../src/pipeline/openpgp/message/session-key-packets.ts';
import { deriveKey } from '../../../src/pipeline/openpgp/keys/string-to-key.ts';

const blockBytes = 128 * 1024;

/** One zstd frame of zeros (RFC 8878 §3.1.1): each block of 128 KiB takes four bytes. */
export function zstdBomb(plainBytes: number): Buffer {
  const blocks = Math.ceil(plainBytes / blockBytes);
  const header = Buffer.from('28b52ffd0038', 'hex');
  const bomb = Buffer.alloc(header.length + 4 * blocks);
  header.copy(bomb);
  const runLength = (blockBytes << 3) | 2;
  for (let block = 0; block < blocks; block++)
    bomb.writeUInt32LE(runLength | (block === blocks - 1 ? 1 : 0), header.length + 4 * block);
  return bomb;
}

/** The bomb with a skippable frame behind it, so that it takes just as much room as what it replaces. */
export function paddedBomb(plainBytes: number, storedBytes: number): Buffer {
  const bomb = zstdBomb(plainBytes);
  const frame = Buffer.alloc(storedBytes - bomb.length);
  frame.write('502a4d18', 'hex');
  frame.writeUInt32LE(frame.length - 8, 4);
  return Buffer.concat([bomb, frame]);
}

/** Empty zstd frames, and skippable ones. */
export function emptyFrames(count: number): Buffer {
  const empty = Buffer.from('28b52ffd0038010000', 'hex');
  const skippable = Buffer.from('502a4d1800000000', 'hex');
  return Buffer.concat(Array.from({ length: count }, (_, index) => (index % 2 === 0 ? empty : skippable)));
}

/** A message encrypted to the passphrase, with anything for its inside. */
export async function encryptedMessage(passphrase: string, inside: Uint8Array): Promise<Buffer> {
  const { packet, parameters } = passphrasePacket(Buffer.alloc(8, 7));
  const sessionKey = deriveKey(passphrase, parameters, 32);
  const body = await Array.fromAsync(encryptBody(once(inside), sessionKey, Buffer.alloc(16, 5)));
  return Buffer.concat([packet, writePacket(tags.integrityProtected, Buffer.concat(body))]);
}

/** Packets as gpg compresses them inside the encryption. */
export function compressedPacket(inside: Uint8Array): Buffer {
  return writePacket(tags.compressed, Buffer.concat([Buffer.of(1), deflateRawSync(inside)]));
}

export function literalPacket(content: Uint8Array): Buffer {
  return writePacket(tags.literal, Buffer.concat([Buffer.from('b\0\0\0\0\0', 'latin1'), content]));
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}
