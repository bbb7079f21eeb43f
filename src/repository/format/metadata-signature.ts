/**
 * The signature over the metadata of a WAL object (docs/repository-format.md, "Object metadata").
 *
 * It proves the digests of the content, so that an object without encryption can be verified too, and the branch of a
 * history, so that retention on a host without a private key believes no stranger.
 */
import {
  signDetached,
  verifyDetached,
  type SignatureVerdict,
  type Signer,
} from '../../pipeline/openpgp/index.ts';
import type { Keyring } from '../encoding/keyring.ts';
import { decodeMetadata, encodeMetadata, type WalObjectMetadata } from './object-metadata.ts';

/** The most that S3 takes, names and values together. Only keys beyond 6000 bits make larger signatures. */
const limitBytes = 2048;

/**
 * The metadata with the writer's signature; without it when there is no signer, or when the signature of a very large
 * key does not fit: readers then rely on the signature inside the object.
 */
export async function signMetadata(
  signer: Signer | undefined,
  key: string,
  metadata: WalObjectMetadata,
): Promise<WalObjectMetadata> {
  if (signer === undefined) return metadata;
  const packet = await signDetached(signer, canonicalText(key, metadata), statementName(key));
  const signed = { ...metadata, signature: Buffer.from(packet).toString('base64') };
  return bytesOf(encodeMetadata(signed)) <= limitBytes ? signed : metadata;
}

/** The verdict on the metadata of the object `key`, as its store gives it. */
export async function judgeMetadata(
  keyring: Keyring,
  key: string,
  metadata: Readonly<Record<string, string>>,
): Promise<SignatureVerdict> {
  const decoded = decodeMetadata(metadata);
  if (decoded?.signature === undefined) return { status: 'unsigned' };
  const packet = Buffer.from(decoded.signature, 'base64');
  const trusted = await keyring.trustedSigners();
  const verdict = await verifyDetached(canonicalText(key, decoded), packet, statementName(key), trusted);
  return verdict.status === 'bad'
    ? { status: 'bad', reason: `${verdict.reason} (that of its metadata)` }
    : verdict;
}

/** The name that the signature's notation holds. It is no object's key, so that this signature is good for nothing else. */
function statementName(key: string): string {
  return `${key}#metadata`;
}

/** A line for the key, then `name=value` for each field but the signature, sorted by name. */
function canonicalText(key: string, { signature: _signature, ...signed }: WalObjectMetadata): Buffer {
  const fields = Object.entries(encodeMetadata(signed)).map(([name, value]) => `${name}=${value}`);
  return Buffer.from([key, ...fields.toSorted(), ''].join('\n'));
}

function bytesOf(fields: Readonly<Record<string, string>>): number {
  return Object.entries(fields).flat().join('').length;
}
