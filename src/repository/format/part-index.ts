/**
 * The index of a part, `backups/<id>/index/<part>.sealed`: what the host that wrote a part of a backup must know of it
 * later, without a private key (P7).
 *
 * It is sealed with the host's own secret, for its key: the store's owner reads none of it, and makes none that opens. Where
 * one opens, this host, or another one of its cluster, has written that part, and every repository had it.
 */
import { objectBounds } from '../../base/bounds.ts';
import { collect, streamOf } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { compressZstdAtOnce } from '../../pipeline/zstd/streaming.ts';
import { decompressZstdWhole } from '../../pipeline/zstd/whole.ts';
import { sealBytes, type HostSecret } from '../encoding/host-secret.ts';
import type { BackupPart } from './backup-record.ts';
import { parseFields, sha256Pattern } from './fields.ts';
import { partIndexKey, systemPrefix, type SystemPath } from './layout.ts';
import { encodeManifest, readManifest, type ManifestEntry } from './manifest.ts';

export interface PartIndex {
  readonly part: BackupPart;
  /** The host that wrote the part. */
  readonly host: string;
  /** Tells encryption and signature of one set of keys from those of another. */
  readonly keys: string;
  /** The members of the part, in their order. */
  readonly entries: readonly ManifestEntry[];
}

/** Where an index belongs, and the secret that opens it there. */
export interface IndexPlace {
  readonly system: SystemPath;
  /** The id of the backup. */
  readonly id: string;
  readonly part: number;
  readonly secret: HostSecret;
}

const indexFormat = 1;
const { limitBytes } = objectBounds.partIndex;

/** The stored form; undefined for an index that no reader would take. */
export async function sealPartIndex(
  place: Omit<IndexPlace, 'part'>,
  index: PartIndex,
): Promise<Buffer | undefined> {
  const plain = await encodePartIndex(place.id, index);
  if (plain.length > limitBytes) return undefined;
  const { key, bound } = sealing({ ...place, part: index.part.number });
  return key.seal(compressZstdAtOnce(plain, { level: 1 }), bound);
}

/** True if these are the very bytes that a host with this secret has sealed for this place. */
export function isIndexIntact(place: IndexPlace, sealed: Uint8Array): boolean {
  const { key, bound } = sealing(place);
  return key.unseal(sealed, bound) !== undefined;
}

/** Undefined for what no host with this secret has sealed for this place. @throws WalvaultError `damaged` */
export async function openPartIndex(place: IndexPlace, sealed: Uint8Array): Promise<PartIndex | undefined> {
  const { key, bound } = sealing(place);
  const packed = sealed.length > limitBytes + sealBytes ? undefined : key.unseal(sealed, bound);
  if (packed === undefined) return undefined;
  const plain = decompressZstdWhole(packed, limitBytes);
  if (plain === undefined) throw damaged(`unpacks to more than ${limitBytes} bytes`);
  return await decodePartIndex(plain, place);
}

function sealing({ system, id, part, secret }: IndexPlace) {
  return {
    key: secret.keyFor(`index of ${systemPrefix(system)}${id}`),
    bound: partIndexKey(system, id, part),
  };
}

async function encodePartIndex(id: string, { part, host, keys, entries }: PartIndex): Promise<Buffer> {
  const head = Buffer.from(`${JSON.stringify({ format: indexFormat, host, keys, part })}\n`);
  return Buffer.concat([head, await collect(encodeManifest(id, entries), Infinity)]);
}

/** A line about the part, then its entries in the form of a manifest. @throws WalvaultError `damaged` */
export async function decodePartIndex(
  plain: Buffer,
  { id, part }: Pick<IndexPlace, 'id' | 'part'>,
): Promise<PartIndex> {
  const end = plain.indexOf('\n');
  if (end === -1) throw damaged('has no first line');
  const fields = parseFields(plain.subarray(0, end), 'the index of a part');
  const about = fields.object('part');
  if (!fields.is('format', indexFormat) || !about.is('number', part))
    throw damaged('is that of another part');
  const entries: ManifestEntry[] = [];
  for await (const entry of readManifest(streamOf(plain.subarray(end + 1)), id)) entries.push(entry);
  return {
    host: fields.text('host'),
    keys: fields.text('keys'),
    part: {
      number: part,
      name: about.matching('name', /^parts\/\d+\.tar[.a-z]*$/),
      storedSizeBytes: about.number('storedSizeBytes'),
      storedSha256: about.matching('storedSha256', sha256Pattern),
      plainSizeBytes: about.number('plainSizeBytes'),
    },
    entries,
  };
}

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `the index of a part ${what}`);
}
