/**
 * The digests of the pages in a part, `backups/<id>/digests/<part>.sealed`: what the host must know of a backup to take an
 * incremental one on it, without a private key (P7).
 *
 * Sealed like the index of a part. The content is binary, little-endian: for each relation file in the part, in its order, the length of
 * its path (u16), the path, its length in pages (u32), the number of digests (u32), the kind (u8: 0 for a whole file, 1 for an
 * incremental one), for an incremental one the number of each page (u32), then the digest of each page (u64).
 */
import { objectBounds } from '../../base/bounds.ts';
import { hashBytes } from '../../base/checksum/highway-hash.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { sealBytes, type HostSecret } from '../encoding/host-secret.ts';
import { pageDigestsKey, systemPrefix, type SystemPath } from './layout.ts';

/** The digests of one relation file, or of the pages of it that an incremental backup has. */
export interface FileDigests {
  /** The path of the relation file. */
  readonly path: string;
  /** The length of the relation file, of which an incremental backup has some pages. */
  readonly pageCount: number;
  /** The numbers of the pages, ascending; undefined: all of them. */
  readonly pages?: Uint32Array | undefined;
  /** 8 bytes a page, the lowest first. */
  readonly digests: Uint8Array;
}

/** Where the digests belong, and the secret that opens them there. */
export interface DigestsPlace {
  readonly system: SystemPath;
  /** The id of the backup. */
  readonly id: string;
  readonly part: number;
  readonly secret: HostSecret;
}

const { limitBytes } = objectBounds.pageDigests;
const whole = 0;
const incremental = 1;
const fixedBytes = 2 + 4 + 4 + 1;

/** The stored form; undefined for digests that no reader would take. */
export function sealPageDigests(place: DigestsPlace, files: readonly FileDigests[]): Buffer | undefined {
  const plain = encodePageDigests(files);
  if (plain.length > limitBytes) return undefined;
  const { key, bound } = sealing(place);
  return key.seal(plain, bound);
}

/** Undefined for what no host with this secret has sealed for this place. @throws WalvaultError `damaged` */
export function openPageDigests(place: DigestsPlace, sealed: Uint8Array): FileDigests[] | undefined {
  if (sealed.length > limitBytes + sealBytes) return undefined;
  const { key, bound } = sealing(place);
  const plain = key.unseal(sealed, bound);
  return plain && decodePageDigests(plain);
}

function sealing({ system, id, part, secret }: DigestsPlace) {
  return {
    key: secret.keyFor(`page digests of ${systemPrefix(system)}${id}`),
    bound: pageDigestsKey(system, id, part),
  };
}

export function encodePageDigests(files: readonly FileDigests[]): Buffer {
  return Buffer.concat(
    files.flatMap(({ path, pageCount, pages, digests }) => {
      const name = Buffer.from(path);
      const head = Buffer.alloc(fixedBytes + name.length);
      let at = head.writeUInt16LE(name.length);
      at += name.copy(head, at);
      at = head.writeUInt32LE(pageCount, at);
      at = head.writeUInt32LE(digests.length / hashBytes, at);
      head.writeUInt8(pages === undefined ? whole : incremental, at);
      return [head, ...(pages === undefined ? [] : [bytesOf(pages)]), digests];
    }),
  );
}

/** @throws WalvaultError `damaged` */
export function decodePageDigests(plain: Buffer): FileDigests[] {
  const files: FileDigests[] = [];
  for (let at = 0; at < plain.length;) {
    const take = (sizeBytes: number) => {
      const taken = plain.subarray(at, at + sizeBytes);
      if (taken.length < sizeBytes) throw damaged('end within a file');
      at += sizeBytes;
      return taken;
    };
    const path = take(take(2).readUInt16LE()).toString('utf8');
    const pageCount = take(4).readUInt32LE();
    const count = take(4).readUInt32LE();
    const kind = take(1).readUInt8();
    if (kind !== whole && kind !== incremental) throw damaged('are of an unknown kind');
    if (kind === whole ? count !== pageCount : count > pageCount)
      throw damaged(`have ${count} of ${pageCount}`);
    const pages = kind === incremental ? new Uint32Array(aligned(take(4 * count))) : undefined;
    if (pages?.some((page, index) => page >= pageCount || (index > 0 && page <= (pages[index - 1] ?? 0))))
      throw damaged('have pages out of order');
    files.push({ path, pageCount, pages, digests: take(hashBytes * count) });
  }
  return files;
}

function bytesOf(array: Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** A copy, because arrays of numbers cannot begin anywhere. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `the page digests of a part ${what}`);
}
