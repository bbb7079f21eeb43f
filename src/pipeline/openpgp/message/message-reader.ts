/**
 * The reader of a message inside its encryption (RFC 9580 §10.3): one-pass signatures, literal data, signatures. The same
 * may be in a compressed packet, which gpg writes when it compresses.
 */
import { countBounds } from '../../../base/bounds.ts';
import { createHash, type Hash } from 'node:crypto';
import { createInflate, createInflateRaw } from 'node:zlib';
import type { ByteStream } from '../../../base/bytes/streams.ts';
import { messageOf, systemCode } from '../../../base/errors/errors.ts';
import { ByteReader } from '../../byte-reader.ts';
import { throughStage } from '../../node-stage.ts';
import { signatureHashes } from '../algorithms.ts';
import { damaged } from '../damaged.ts';
import { packetBody, smallPacketBody } from './packet-body.ts';
import { readPacketHeader, tags, type PacketHeader } from './packet-header.ts';
import { parseSignatureBody, type ParsedSignature } from '../sign/signature-packet.ts';

/** A signature over the literal data, with a hash that has seen that data. */
export interface FoundSignature {
  readonly signature: ParsedSignature | undefined;
  readonly hash: Hash | undefined;
}

interface ReadOptions {
  readonly what: string;
  readonly onSignature: (found: FoundSignature) => void;
  /** False inside compressed data: gpg never compresses twice, and a hostile message could unpack without end. */
  readonly mayBeCompressed: boolean;
}

/** Yields the literal data, then gives its signatures to `onSignature`. */
export async function* readMessage(source: ByteStream, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const { what, mayBeCompressed, onSignature } = options;
  const reader = new ByteReader(source, what);
  const hashes: (Hash | undefined)[] = [];
  let packets = 0;
  for (let isContentRead = false; !isContentRead;) {
    if (++packets > mostPackets)
      throw damaged(what, `has more than ${mostPackets} packets before its content`);
    const header = await readPacketHeader(reader, what);
    if (header?.tag === tags.onePassSignature && hashes.length < mostSignatures) {
      hashes.push(await readOnePassHash(reader, header, what));
    } else if (header?.tag === tags.literal) {
      yield* literalData(packetBody(reader, header, what), hashes, what);
      isContentRead = true;
    } else if (header?.tag === tags.compressed && hashes.length === 0 && mayBeCompressed) {
      const inner = decompressed(packetBody(reader, header, what), what);
      yield* readMessage(inner, { ...options, mayBeCompressed: false });
      isContentRead = true;
    } else if (header?.tag === tags.marker) {
      await smallPacketBody(reader, header, what);
    } else {
      throw header === undefined ? reader.endsEarly() : unexpectedPacket(header, what);
    }
  }
  // The innermost one-pass packet belongs to the first signature (RFC 9580 §5.4).
  for (const hash of hashes.toReversed()) {
    const header = await readPacketHeader(reader, what);
    if (header?.tag !== tags.signature) throw damaged(what, 'lacks a signature that it announces');
    const body = await smallPacketBody(reader, header, what);
    onSignature({ signature: parseSignatureBody(body), hash });
  }
  if (!(await reader.isAtEnd())) throw damaged(what, 'has data behind its content, inside the encryption');
}

const { limit: mostPackets } = countBounds.packets;
/** gpg writes one for each signer. */
const { limit: mostSignatures } = countBounds.signatures;

async function readOnePassHash(
  reader: ByteReader,
  header: PacketHeader,
  what: string,
): Promise<Hash | undefined> {
  const body = await smallPacketBody(reader, header, what);
  const name = signatureHashes.get(body[2] ?? 0);
  return name === undefined ? undefined : createHash(name);
}

/** The literal data without the format, file name and date before it, which are not signed (RFC 9580 §5.9). */
async function* literalData(
  body: ByteStream,
  hashes: readonly (Hash | undefined)[],
  what: string,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(body, what);
  const [, nameBytes = 0] = await reader.exactly(2);
  await reader.exactly(nameBytes + 4);
  for (let chunk; (chunk = await reader.some(Infinity)) !== undefined;) {
    for (const hash of hashes) hash?.update(chunk);
    yield chunk;
  }
}

async function* decompressed(body: ByteStream, what: string): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(body, what);
  const [algorithm] = await reader.exactly(1);
  const rest = chunksOf(reader);
  // It asks for a chunk when it is done with the one before, whose memory may be gone then.
  const zlibOptions = { chunkSize: 256 * 1024, writableHighWaterMark: 1 };
  try {
    if (algorithm === 0) yield* rest;
    else if (algorithm === 1) yield* throughStage(rest, createInflateRaw(zlibOptions));
    else if (algorithm === 2) yield* throughStage(rest, createInflate(zlibOptions));
    else throw damaged(what, `is compressed inside by method ${algorithm}, which is not supported`);
  } catch (error) {
    if (systemCode(error)?.startsWith('Z_') !== true) throw error;
    throw damaged(what, `compressed data inside does not decode: ${messageOf(error)}`);
  }
}

async function* chunksOf(reader: ByteReader): AsyncGenerator<Uint8Array> {
  for (let chunk; (chunk = await reader.some(Infinity)) !== undefined;) yield chunk;
}

function unexpectedPacket({ tag }: PacketHeader, what: string): Error {
  return damaged(what, `has a packet of kind ${tag} where its content should be`);
}
