/**
 * Version 4 signature packets (RFC 9580 §5.2.3) over binary data. The name of the object that was signed is a
 * notation among the hashed subpackets, so that a genuine object cannot be moved to another name.
 */
import { parseNumbers, writeNumber } from '../multiprecision.ts';
import { rsaNumber, sha256Number, signatureHashes } from '../algorithms.ts';

export const objectKeyNotation = 'key@walvault';
export const binarySignature = 0x00;

const subpacketKinds = { creationTime: 2, issuerKeyId: 16, notation: 20, issuerFingerprint: 33 } as const;

/** The subpackets that may be critical. The signer's user id (28) is not used: the fingerprint identifies the signer. */
const understoodInMessages: ReadonlySet<number> = new Set([...Object.values(subpacketKinds), 28]);

export interface SignatureFields {
  /** Seconds since 1970. */
  readonly timeSeconds: number;
  /** The fingerprint of the key or subkey that signs, hex. */
  readonly issuerFingerprint: string;
  readonly algorithm: number;
  readonly objectKey: string;
}

/**
 * The part of the packet that is itself signed. The issuer's key id is in it too: only the first digest octets are
 * unsigned, and they are checked.
 */
export function writeHashedPart(fields: SignatureFields): Buffer {
  const fingerprint = Buffer.from(fields.issuerFingerprint, 'hex');
  const subpackets = Buffer.concat([
    subpacket(subpacketKinds.creationTime, uint32(fields.timeSeconds)),
    subpacket(subpacketKinds.issuerFingerprint, Buffer.concat([Buffer.of(4), fingerprint])),
    subpacket(subpacketKinds.issuerKeyId, fingerprint.subarray(-8)),
    subpacket(subpacketKinds.notation, notation(objectKeyNotation, fields.objectKey)),
  ]);
  const head = Buffer.of(4, binarySignature, fields.algorithm, sha256Number);
  return Buffer.concat([head, uint16(subpackets.length), subpackets]);
}

/** The bytes that are hashed after the data: the hashed part and its length (RFC 9580 §5.2.4). */
export function signatureTrailer(hashedPart: Uint8Array): Buffer {
  return Buffer.concat([hashedPart, Buffer.of(4, 0xff), uint32(hashedPart.length)]);
}

/** The packet's body: the hashed part, no other subpackets, the first digest octets, the numbers. */
export function writeSignatureBody(
  hashedPart: Uint8Array,
  digest: Uint8Array,
  numbers: readonly Uint8Array[],
): Buffer {
  return Buffer.concat([
    hashedPart,
    uint16(0),
    digest.subarray(0, 2),
    ...numbers.map(number => writeNumber(number)),
  ]);
}

export interface ParsedSignature {
  readonly type: number;
  readonly algorithm: number;
  /** Undefined if the hash is weaker than SHA-256 or unknown. */
  readonly hash: string | undefined;
  readonly hashedPart: Buffer;
  readonly digestStart: Buffer;
  readonly numbers: readonly Buffer[];
  /** Upper-case hex; from the hashed subpackets. */
  readonly issuerFingerprint: string | undefined;
  /** Upper-case hex; the signer's claim, without a proof. */
  readonly issuerKeyId: string;
  readonly objectKeys: readonly string[];
  readonly hashedSubpackets: readonly Subpacket[];
}

/** Undefined if this is not a well-formed version 4 signature by a known algorithm. */
export function parseSignatureBody(
  body: Buffer,
  understood: ReadonlySet<number> = understoodInMessages,
): ParsedSignature | undefined {
  try {
    return parse(body, understood);
  } catch (error) {
    // Every read past the end of a Buffer is a RangeError: the packet is shorter than it says.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(body: Buffer, understood: ReadonlySet<number>): ParsedSignature | undefined {
  if (body.readUInt8(0) !== 4) return undefined;
  const hashedEnd = 6 + body.readUInt16BE(4);
  const unhashedEnd = hashedEnd + 2 + body.readUInt16BE(hashedEnd);
  const hashed = parseSubpackets(body.subarray(6, hashedEnd));
  const unhashed = parseSubpackets(body.subarray(hashedEnd + 2, unhashedEnd));
  const numbers = parseNumbers(body.subarray(unhashedEnd + 2));
  const algorithm = body.readUInt8(2);
  if (hashed === undefined || unhashed === undefined || numbers === undefined) return undefined;
  // RFC 9580 §5.2.3.7: a signature with an unknown critical subpacket is invalid.
  if (hashed.some(({ kind, isCritical }) => isCritical && !understood.has(kind))) return undefined;
  const isIssuer = (packet: Subpacket) =>
    packet.kind === subpacketKinds.issuerFingerprint && packet.data.length === 21 && packet.data[0] === 4;
  const fingerprint = hashed.find(isIssuer) ?? unhashed.find(isIssuer);
  const keyId = [...hashed, ...unhashed].find(packet => packet.kind === subpacketKinds.issuerKeyId);
  const issuerFingerprint = fingerprint?.data.subarray(1).toString('hex').toUpperCase();
  return {
    type: body.readUInt8(1),
    algorithm: algorithm === 3 ? rsaNumber : algorithm,
    hash: signatureHashes.get(body.readUInt8(3)),
    hashedPart: body.subarray(0, hashedEnd),
    digestStart: body.subarray(unhashedEnd, unhashedEnd + 2),
    numbers,
    issuerFingerprint,
    issuerKeyId: issuerFingerprint?.slice(-16) ?? keyId?.data.toString('hex').toUpperCase() ?? '',
    objectKeys: hashed.flatMap(packet => objectKeyOf(packet) ?? []),
    hashedSubpackets: hashed,
  };
}

export interface Subpacket {
  readonly kind: number;
  readonly isCritical: boolean;
  readonly data: Buffer;
}

function parseSubpackets(area: Buffer): Subpacket[] | undefined {
  const found: Subpacket[] = [];
  for (let offset = 0; offset < area.length;) {
    const first = area.readUInt8(offset);
    let headerBytes = 1;
    let sizeBytes = first;
    if (first === 255) {
      headerBytes = 5;
      sizeBytes = area.readUInt32BE(offset + 1);
    } else if (first >= 192) {
      headerBytes = 2;
      sizeBytes = ((first - 192) << 8) + area.readUInt8(offset + 1) + 192;
    }
    const start = offset + headerBytes;
    if (sizeBytes === 0 || start + sizeBytes > area.length) return undefined;
    const kind = area.readUInt8(start);
    found.push({
      kind: kind & 0x7f,
      isCritical: (kind & 0x80) !== 0,
      data: area.subarray(start + 1, start + sizeBytes),
    });
    offset = start + sizeBytes;
  }
  return found;
}

function objectKeyOf({ kind, data }: Subpacket): string | undefined {
  if (kind !== subpacketKinds.notation) return undefined;
  const nameEnd = 8 + data.readUInt16BE(4);
  if (nameEnd + data.readUInt16BE(6) !== data.length) return undefined;
  if (data.subarray(8, nameEnd).toString('latin1') !== objectKeyNotation) return undefined;
  return data.subarray(nameEnd).toString('utf8');
}

function notation(name: string, value: string): Buffer {
  const isHumanReadable = 0x80000000;
  const nameBytes = Buffer.from(name, 'utf8');
  const valueBytes = Buffer.from(value, 'utf8');
  return Buffer.concat([
    uint32(isHumanReadable),
    uint16(nameBytes.length),
    uint16(valueBytes.length),
    nameBytes,
    valueBytes,
  ]);
}

/** Subpacket lengths, kind octet included, follow the rule of §5.2.3.7: two octets from 192 on. */
function subpacket(kind: number, data: Uint8Array): Buffer {
  const sizeBytes = data.length + 1;
  const length =
    sizeBytes < 192
      ? Buffer.of(sizeBytes)
      : Buffer.of(((sizeBytes - 192) >> 8) + 192, (sizeBytes - 192) & 0xff);
  return Buffer.concat([length, Buffer.of(kind), data]);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
