/** The parser of one 512-byte tar header, as ustar and GNU tar write it. */
import { damagedTar } from './damaged-tar.ts';
import { fields, headerChecksum, type Field } from './entry.ts';

export interface RawHeader {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  /** One character; `\0` in very old archives. */
  readonly type: string;
  readonly linkTarget: string;
}

/** @throws WalvaultError `damaged` if the checksum is wrong or a field is not a number */
export function parseHeader(block: Buffer): RawHeader {
  if (readNumber(block, fields.checksum) !== headerChecksum(block))
    throw damagedTar('has a header with a wrong checksum');
  const magic = readText(block, fields.magic);
  if (magic !== 'ustar' && magic !== 'ustar  ') throw damagedTar('has a header that is not ustar');
  const name = readText(block, fields.name);
  // GNU tar uses this field for other data; in POSIX it is the first part of a long path.
  const prefix = magic === 'ustar' ? readText(block, fields.prefix) : '';
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    mode: readNumber(block, fields.mode),
    uid: readNumber(block, fields.uid),
    gid: readNumber(block, fields.gid),
    sizeBytes: readNumber(block, fields.size),
    mtimeSeconds: readNumber(block, fields.mtime),
    type: block.toString('latin1', fields.type[0], fields.type[0] + 1),
    linkTarget: readText(block, fields.linkName),
  };
}

function readText(block: Buffer, [offset, length]: Field): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end);
}

/** Octal digits, or, if the first bit is set, a big-endian binary number: GNU's form for 8 GiB and more. */
function readNumber(block: Buffer, [offset, length]: Field): number {
  const field = block.subarray(offset, offset + length);
  const first = field.readUInt8(0);
  if (first === 0x80) return readBinary(field.subarray(1));
  const text = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
  if (!/^[0-7]*$/.test(text)) throw damagedTar('has a header field that is not a number');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function readBinary(digits: Buffer): number {
  const value = BigInt(`0x${digits.toString('hex')}`);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damagedTar('has a header field that is too large');
  return Number(value);
}
