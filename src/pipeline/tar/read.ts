/**
 * Reads tar archives in one pass and trusts nothing in them. An archive from a hostile repository must not be able to
 * name a path outside the directory of the restore, or to make its reader use much memory.
 */
import { pieceBounds } from '../../base/bounds.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { ByteReader } from '../byte-reader.ts';
import { blockSizeBytes, type TarEntry } from './entry.ts';
import { parseHeader, type RawHeader } from './parse-header.ts';
import { parsePaxRecords, type PaxRecords } from './pax-records.ts';
import { damagedTar } from './damaged-tar.ts';

export interface TarMember {
  readonly entry: TarEntry;
  /** Exactly `entry.sizeBytes` bytes. Read them all before you ask for the next member. */
  readonly content: ByteStream;
}

/**
 * The members in their order: files, directories and symbolic links. The source is read to its end, so that earlier
 * stages make the checks that they make at their end.
 * @throws WalvaultError `damaged` for a cut or malformed archive, a path that is absolute or has `..`, a hard link,
 *   a device; `internal` if a member's content was left unread
 */
export async function* readTar(source: ByteStream): AsyncGenerator<TarMember> {
  const reader = new ByteReader(source, 'tar archive');
  try {
    let pax: PaxRecords = {};
    for (;;) {
      const block = await reader.exactly(blockSizeBytes);
      if (isZero(block)) break;
      const header = parseHeader(block);
      const extension = extensionKinds.get(header.type);
      if (extension !== undefined) {
        pax = { ...pax, ...extension(await readExtension(reader, header)) };
        continue;
      }
      const entry = toEntry(header, pax);
      pax = {};
      const content = memberContent(reader, entry);
      yield { entry, content: content.stream };
      if (!content.isRead()) throw new WalvaultError('internal', `tar member ${entry.path} was not read`);
    }
    if (Object.keys(pax).length > 0) throw damagedTar('ends with a header that belongs to no member');
    await readTrailer(reader);
  } finally {
    await reader.close();
  }
}

/** Members that extend the header of the next one: pax records, and GNU's long names and link targets. */
const extensionKinds: ReadonlyMap<string, (data: Buffer) => PaxRecords> = new Map([
  ['x', parsePaxRecords],
  ['L', (data: Buffer): PaxRecords => ({ path: untilZero(data) })],
  ['K', (data: Buffer): PaxRecords => ({ linkpath: untilZero(data) })],
]);

const { limitBytes: extensionLimitBytes } = pieceBounds.tarExtension;

async function readExtension(reader: ByteReader, { sizeBytes }: RawHeader): Promise<Buffer> {
  if (sizeBytes > extensionLimitBytes) throw damagedTar(`has an extended header of ${sizeBytes} bytes`);
  const data = await reader.exactly(sizeBytes);
  await readPadding(reader, sizeBytes);
  return data;
}

function toEntry(header: RawHeader, pax: PaxRecords): TarEntry {
  const path = (pax.path ?? header.path).replace(/\/$/, '');
  const type = entryTypes.get(header.type);
  if (type === undefined)
    throw damagedTar(
      `has ${JSON.stringify(path)} of type ${JSON.stringify(header.type)}, which is not taken`,
    );
  requireSafePath(path);
  const sizeBytes = pax.size ?? header.sizeBytes;
  if (type !== 'file' && sizeBytes !== 0)
    throw damagedTar(`gives ${JSON.stringify(path)} bytes it cannot have`);
  const linkTarget = pax.linkpath ?? header.linkTarget;
  if (linkTarget.includes('\0')) throw damagedTar(`has a malformed link target for ${JSON.stringify(path)}`);
  return {
    path,
    type,
    sizeBytes,
    mode: header.mode & 0o7777,
    mtimeMs: header.mtimeSeconds * 1000,
    uid: pax.uid ?? header.uid,
    gid: pax.gid ?? header.gid,
    ...(type === 'symlink' ? { linkTarget } : {}),
  };
}

const entryTypes: ReadonlyMap<string, TarEntry['type']> = new Map([
  ['0', 'file'],
  ['\0', 'file'],
  ['5', 'directory'],
  ['2', 'symlink'],
]);

function requireSafePath(path: string): void {
  const parts = path.split('/');
  const isSafe = !path.includes('\0') && !parts.some(part => part === '' || part === '.' || part === '..');
  if (!isSafe) throw damagedTar(`has the path ${JSON.stringify(path)}, which is not taken`);
}

function memberContent(reader: ByteReader, { sizeBytes }: TarEntry) {
  let isRead = sizeBytes === 0;
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (let left = sizeBytes; left > 0;) {
      const chunk = await reader.some(left);
      if (chunk === undefined) throw reader.endsEarly();
      left -= chunk.length;
      if (left === 0) {
        await readPadding(reader, sizeBytes);
        isRead = true;
      }
      yield chunk;
    }
  }
  return { stream: stream(), isRead: () => isRead };
}

async function readPadding(reader: ByteReader, sizeBytes: number): Promise<void> {
  const over = sizeBytes % blockSizeBytes;
  if (over === 0) return;
  if (!isZero(await reader.exactly(blockSizeBytes - over))) throw damagedTar('has data in its padding');
}

/** Reads the second zero block, and then nothing but zeros: tar may pad the archive to its record size. */
async function readTrailer(reader: ByteReader): Promise<void> {
  if (!isZero(await reader.exactly(blockSizeBytes))) throw damagedTar('has a zero block between members');
  for (let chunk; (chunk = await reader.some(Infinity)) !== undefined;)
    if (!isZero(chunk)) throw damagedTar('has data after its end');
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every(byte => byte === 0);
}

function untilZero(data: Buffer): string {
  const end = data.indexOf(0);
  return data.toString('utf8', 0, end === -1 ? data.length : end);
}
