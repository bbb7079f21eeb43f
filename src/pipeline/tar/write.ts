/** Writes ordinary tar: ustar headers, after a pax header where the ustar fields are too small. */
import { blockSizeBytes, fields, headerChecksum, type Field, type TarEntry } from './entry.ts';

/**
 * The header of one member, one block or more. The member's bytes and `tarPadding` follow. Long or non-ASCII paths and
 * link targets, sizes from 8 GiB and large owner ids go into pax records, which every tar since 2001 reads.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.type === 'directory' ? `${entry.path}/` : entry.path;
  const records = paxRecords(entry, path);
  const header = ustarHeader({
    name: path,
    mode: entry.mode & 0o7777,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    sizeBytes: entry.type === 'file' ? entry.sizeBytes : 0,
    mtimeSeconds: Math.max(0, Math.floor(entry.mtimeMs / 1000)),
    type: typeFlags[entry.type],
    linkTarget: entry.linkTarget ?? '',
  });
  if (records.length === 0) return header;
  const pax = ustarHeader({
    name: 'pax_header',
    mode: 0o600,
    uid: 0,
    gid: 0,
    sizeBytes: records.length,
    mtimeSeconds: 0,
    type: 'x',
    linkTarget: '',
  });
  return Buffer.concat([pax, records, tarPadding(records.length), header]);
}

/** The zero bytes that fill a member's last block. */
export function tarPadding(sizeBytes: number): Buffer {
  const over = sizeBytes % blockSizeBytes;
  return Buffer.alloc(over === 0 ? 0 : blockSizeBytes - over);
}

/** Two zero blocks end an archive. */
export const tarTrailer: Buffer = Buffer.alloc(2 * blockSizeBytes);

const typeFlags = { file: '0', directory: '5', symlink: '2' } as const;

interface UstarHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly type: string;
  readonly linkTarget: string;
}

/** The ustar header. Values that do not fit are cut: the pax record before it has the whole values. */
function ustarHeader(values: UstarHeader): Buffer {
  const header = Buffer.alloc(blockSizeBytes);
  putText(header, fields.name, values.name);
  putOctal(header, fields.mode, values.mode);
  putOctal(header, fields.uid, values.uid);
  putOctal(header, fields.gid, values.gid);
  putOctal(header, fields.size, values.sizeBytes);
  putOctal(header, fields.mtime, values.mtimeSeconds);
  putText(header, fields.type, values.type);
  putText(header, fields.linkName, values.linkTarget);
  putText(header, fields.magic, 'ustar\x0000');
  const checksum = headerChecksum(header).toString(8).padStart(6, '0');
  putText(header, fields.checksum, `${checksum}\0 `);
  return header;
}

function putText(header: Buffer, [offset, length]: Field, text: string): void {
  header.set(Buffer.from(text, 'utf8').subarray(0, length), offset);
}

function putOctal(header: Buffer, field: Field, value: number): void {
  const digits = field[1] - 1;
  putText(
    header,
    field,
    fitsOctal(value, field) ? value.toString(8).padStart(digits, '0') : '0'.repeat(digits),
  );
}

function fitsOctal(value: number, [, length]: Field): boolean {
  return value < 8 ** (length - 1);
}

function paxRecords(entry: TarEntry, path: string): Buffer {
  const records: [string, string][] = [];
  if (!fitsText(path, fields.name)) records.push(['path', path]);
  if (entry.linkTarget !== undefined && !fitsText(entry.linkTarget, fields.linkName))
    records.push(['linkpath', entry.linkTarget]);
  if (!fitsOctal(entry.sizeBytes, fields.size)) records.push(['size', String(entry.sizeBytes)]);
  for (const name of ['uid', 'gid'] as const) {
    const id = entry[name] ?? 0;
    if (!fitsOctal(id, fields[name])) records.push([name, String(id)]);
  }
  return Buffer.concat(records.map(([name, value]) => paxRecord(name, value)));
}

/** Printable ASCII only: a ustar field has no defined encoding for other bytes, a pax record is UTF-8. */
function fitsText(text: string, [, length]: Field): boolean {
  return text.length <= length && /^[\x20-\x7e]*$/.test(text);
}

/** `<length> <name>=<value>\n`, where the length includes its own digits. */
function paxRecord(name: string, value: string): Buffer {
  const rest = Buffer.from(` ${name}=${value}\n`, 'utf8');
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
