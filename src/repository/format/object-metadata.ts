/**
 * The user metadata of a WAL object: what lets a second push of the same file be told from a conflict without
 * reading the object, and a reader check what it decoded. Names are `[a-z]` and values ASCII, under 2 KB, because
 * Azure and Ceph are strict (docs/repository-format.md, "Object metadata").
 */
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { formatLsn, parseLsn } from '../../postgres/wal/lsn.ts';

export interface WalObjectMetadata {
  /** Of the plain file: 64 hex digits and bytes. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Of the bytes on the store. */
  readonly storedSha256: string;
  readonly storedSizeBytes: number;
  /** Random, one a put: tells our own lost request from somebody else's object. */
  readonly writeId: string;
  /** On `.history` objects: the newest line, so that retention can follow timelines without a private key. */
  readonly branch?: { readonly parent: number; readonly switchpoint: Lsn } | undefined;
}

export function encodeMetadata(metadata: WalObjectMetadata): Record<string, string> {
  const { branch } = metadata;
  return {
    digest: `sha256:${metadata.sha256}`,
    size: String(metadata.sizeBytes),
    storeddigest: `sha256:${metadata.storedSha256}`,
    storedsize: String(metadata.storedSizeBytes),
    writeid: metadata.writeId,
    ...(branch && { parent: String(branch.parent), switchpoint: formatLsn(branch.switchpoint) }),
  };
}

/** Undefined when any part is missing or malformed: metadata lost in a copy is no metadata. */
export function decodeMetadata(metadata: Readonly<Record<string, string>>): WalObjectMetadata | undefined {
  const sha256 = digestOf(metadata['digest']);
  const storedSha256 = digestOf(metadata['storeddigest']);
  const sizeBytes = sizeOf(metadata['size']);
  const storedSizeBytes = sizeOf(metadata['storedsize']);
  if (
    sha256 === undefined ||
    storedSha256 === undefined ||
    sizeBytes === undefined ||
    storedSizeBytes === undefined
  )
    return undefined;
  return {
    sha256,
    sizeBytes,
    storedSha256,
    storedSizeBytes,
    writeId: metadata['writeid'] ?? '',
    branch: branchOf(metadata),
  };
}

function digestOf(value: string | undefined): string | undefined {
  return /^sha256:([0-9a-f]{64})$/.exec(value ?? '')?.[1];
}

function sizeOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function branchOf(metadata: Readonly<Record<string, string>>): WalObjectMetadata['branch'] {
  const { parent, switchpoint } = metadata;
  if (parent === undefined || switchpoint === undefined) return undefined;
  if (!/^\d{1,10}$/.test(parent) || !/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i.test(switchpoint)) return undefined;
  return { parent: Number(parent), switchpoint: parseLsn(switchpoint) };
}
