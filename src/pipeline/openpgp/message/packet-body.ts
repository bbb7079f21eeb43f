/** Packet bodies as streams: split into partial lengths when written, joined when read (RFC 9580 §4.2.1.4). */
import { pieceBounds } from '../../../base/bounds.ts';
import type { ByteStream } from '../../../base/bytes/streams.ts';
import type { ByteReader } from '../../byte-reader.ts';
import { damaged } from '../damaged.ts';
import { definiteLength, readNewLength, tags, type PacketHeader } from './packet-header.ts';

const partExponent = 20;
const partSizeBytes = 2 ** partExponent;
/** The smallest allowed first part of a body. */
const smallestFirstPart = 512;

/**
 * Frames a body of unknown length as one packet. Parts have fixed sizes, so the packet's bytes depend on the body alone
 * and not on its chunks.
 */
export async function* framePacket(tag: number, body: ByteStream): AsyncGenerator<Uint8Array> {
  yield Buffer.of(0xc0 | tag);
  let queue: Uint8Array[] = [];
  let queuedBytes = 0;
  for await (const chunk of body) {
    let rest = chunk;
    while (queuedBytes + rest.length >= partSizeBytes) {
      const fitting = partSizeBytes - queuedBytes;
      yield Buffer.of(0xe0 | partExponent);
      yield* queue;
      yield rest.subarray(0, fitting);
      rest = rest.subarray(fitting);
      queue = [];
      queuedBytes = 0;
    }
    if (rest.length === 0) continue;
    queue.push(rest);
    queuedBytes += rest.length;
  }
  yield definiteLength(queuedBytes);
  yield* queue;
}

/** The body of the packet whose header was just read, as a stream. */
export async function* packetBody(
  reader: ByteReader,
  header: PacketHeader,
  what: string,
): AsyncGenerator<Buffer> {
  const { length } = header;
  if (length.kind === 'indeterminate') {
    for (let chunk; (chunk = await reader.some(partSizeBytes)) !== undefined;) yield chunk;
    return;
  }
  if (length.kind === 'partial' && (!mayBePartial.has(header.tag) || length.sizeBytes < smallestFirstPart))
    throw damaged(what, 'an OpenPGP packet has a length its kind may not have');
  for (let part = length; ; part = await readNewLength(reader)) {
    yield* exactBody(reader, part.sizeBytes);
    if (part.kind === 'definite') return;
  }
}

const mayBePartial: ReadonlySet<number> = new Set([
  tags.compressed,
  tags.literal,
  tags.integrityProtected,
  tags.encryptedWithoutIntegrity,
]);

async function* exactBody(reader: ByteReader, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let left = sizeBytes; left > 0;) {
    const chunk = await reader.some(left);
    if (chunk === undefined) throw reader.endsEarly();
    left -= chunk.length;
    yield chunk;
  }
}

/** A copy of the whole body of a small packet: session keys and signatures, which are kept. */
export async function smallPacketBody(
  reader: ByteReader,
  header: PacketHeader,
  what: string,
): Promise<Buffer> {
  const { length } = header;
  if (length.kind !== 'definite' || length.sizeBytes > pieceBounds.packet.limitBytes)
    throw damaged(what, `an OpenPGP packet of kind ${header.tag} is too large`);
  return Buffer.from(await reader.exactly(length.sizeBytes));
}
