/**
 * The user metadata of a WAL object.
 *
 * It tells a second push of the same file from a conflict without reading the object, and lets a reader check the
 * decoded bytes. Names are `[a-z]` and values ASCII, under 2 KB, because Azure and Ceph are strict
 * (docs/repository-format.md, "Object metadata").
 */
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { formatLsn, parseLsn } from '../../postgres/wal/lsn.ts';

export interface WalObjectMetadata {
  /** SHA-256 of the plain file in 64 hex digits, and its size. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** SHA-256 and size of the stored bytes. */
  readonly storedSha256: string;
  readonly storedSizeBytes: number;
  /** A random value for each put: after a lost response it tells our own object from somebody else's. */
  readonly writeId: string;
  /**
   * On `.history` objects: the newest line of the history, so that retention can follow timelines without a private
   * key.
   */
  readonly branch?: { readonly parent: number; readonly switchpoint: Lsn } | undefined;
  /** The writer's signature over all of this, in base64 (metadata-signature.ts). Undefined: not signed. */
  readonly signature?: string | undefined;
}

export function encodeMetadata(metadata: WalObjectMetadata): Record<string, string> {
  const { branch, signature } = metadata;
  return {
    digest: `sha256:${metadata.sha256}`,
    size: String(metadata.sizeBytes),
    storeddigest: `sha256:${metadata.storedSha256}`,
    storedsize: String(metadata.storedSizeBytes),
    writeid: metadata.writeId,
    ...(branch && { parent: String(branch.parent), switchpoint: formatLsn(branch.switchpoint) }),
    ...(signature !== undefined && { signature }),
  };
}

/** Parses metadata; undefined when any part is missing or malformed, as after a copy that loses metadata. */
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
    writeId: /^[\w-]{1,64}$/.exec(metadata['writeid'] ?? '')?.[0] ?? '',
    branch: branchOf(metadata),
    ...(metadata['signature'] !== undefined && { signature: metadata['signature'] }),
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
