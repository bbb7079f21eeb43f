/**
 * The comparison of a WAL file with the object that has its key already, so that a push succeeds only where the archive
 * really holds the file (P1, P2). Metadata is a claim of whoever wrote it: it counts when a signature proves it, or
 * where no signature is required and the stored bytes agree with it.
 */
import { objectBounds } from '../../base/bounds.ts';
import { createHash } from 'node:crypto';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { detectFormat } from '../../pipeline/detect.ts';
import { isWalHeader, longHeaderBytes, parseLongPageHeader } from '../../postgres/wal/page-header.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { ObjectStat } from '../../stores/store.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import { describeVerdict, isBelieved, needsSignature } from '../encoding/signature-policy.ts';
import { judgeMetadata } from '../format/metadata-signature.ts';
import { decodeMetadata, type WalObjectMetadata } from '../format/object-metadata.ts';
import type { Repository } from '../repository.ts';

export type ArchivedDigest = Pick<WalObjectMetadata, 'sha256' | 'sizeBytes' | 'branch'>;

export type Comparison =
  | { readonly kind: 'same' }
  /** A whole file of other content. */
  | { readonly kind: 'other'; readonly archived: ArchivedDigest }
  /** It is no such file at all, whoever wrote it. */
  | { readonly kind: 'damaged'; readonly problem: string }
  /** Nothing proves what it is. The problem follows the object's name. */
  | { readonly kind: 'unproven'; readonly problem: string }
  /** Encrypted, without metadata, and this host has no key to look into it. */
  | { readonly kind: 'unknown' };

export interface ComparedFile {
  readonly key: string;
  readonly file: WalFileName;
  readonly metadata: WalObjectMetadata;
}

/** @throws StoreError */
export async function compareObject(
  repository: Repository,
  wanted: ComparedFile,
  existing: ObjectStat,
  signal: AbortSignal,
): Promise<Comparison> {
  const { codec } = repository;
  const stored = decodeMetadata(existing.metadata);
  const cut = whyCut(wanted, existing, stored);
  if (cut !== undefined) return { kind: 'damaged', problem: cut };
  const verdict = await judgeMetadata(codec.keyring, wanted.key, existing.metadata);
  if (stored !== undefined && verdict.status === 'good') return compare(stored, wanted);
  const look: Look = { repository, wanted, verdict, signal };
  if (stored === undefined) return await compareContent(look);
  if (needsSignature(codec.policy) || !isBelieved(verdict, codec.policy)) {
    const found = await compareContent(look);
    return found.kind === 'unknown' ? { kind: 'unproven', problem: describeVerdict(verdict) } : found;
  }
  if (!(await hasStoredDigest(look, stored)))
    return { kind: 'damaged', problem: 'its bytes are not those that its metadata tells' };
  const found = await compareContent(look);
  if (found.kind === 'unknown') {
    const claimed = compare(stored, wanted);
    const object = wanted.key;
    if (claimed.kind === 'same')
      codec.emitOnce('taken by its claim', {
        kind: 'taken-by-its-claim',
        repository: repository.name,
        object,
      });
    return claimed;
  }
  // The metadata also tells a history's branch.
  const isTrue = found.kind === 'other' && found.archived.sha256 === stored.sha256;
  return isTrue ? { kind: 'other', archived: stored } : found;
}

/** The sizes alone show an empty or cut object. */
function whyCut(
  { metadata }: ComparedFile,
  { sizeBytes }: ObjectStat,
  stored: WalObjectMetadata | undefined,
): string | undefined {
  if (sizeBytes === 0 && metadata.storedSizeBytes > 0) return 'it is empty';
  if (stored !== undefined && sizeBytes !== stored.storedSizeBytes)
    return `${stored.storedSizeBytes} bytes were written, and it has ${sizeBytes}`;
  return undefined;
}

function compare(archived: ArchivedDigest, { metadata }: ComparedFile): Comparison {
  return archived.sha256 === metadata.sha256 && archived.sizeBytes === metadata.sizeBytes
    ? { kind: 'same' }
    : { kind: 'other', archived };
}

interface Look {
  readonly repository: Repository;
  readonly wanted: ComparedFile;
  /** The verdict on the metadata. */
  readonly verdict: SignatureVerdict;
  readonly signal: AbortSignal;
}

async function hasStoredDigest(
  { repository, wanted, signal }: Look,
  { storedSha256 }: WalObjectMetadata,
): Promise<boolean> {
  const { body } = await repository.store.get(wanted.key, { signal });
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex') === storedSha256;
}

/** Decodes the object. `unknown` where this host has no key for it. */
async function compareContent(look: Look): Promise<Comparison> {
  const { repository, wanted, verdict, signal } = look;
  if (!(await canDecode(look))) return { kind: 'unknown' };
  const { body } = await repository.store.get(wanted.key, { signal });
  let judged: SignatureVerdict | undefined;
  const decoded = repository.codec.decode(wanted.key, body, {
    limitBytes: Math.max(wanted.metadata.sizeBytes, objectBounds.history.limitBytes),
    signal,
    beside: () => Promise.resolve(verdict),
    onVerdict: found => (judged = found),
  });
  let read: ReadContent;
  try {
    read = await readContent(decoded, wanted);
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    if (error.code === 'key') return { kind: 'unknown' };
    if (error.code !== 'damaged') throw error;
    return judged !== undefined && !isBelieved(judged, repository.codec.policy)
      ? { kind: 'unproven', problem: describeVerdict(judged) }
      : { kind: 'damaged', problem: error.message };
  }
  const { head, digest } = read;
  const found = compare(digest, wanted);
  if (found.kind === 'same' || wanted.file.kind !== 'segment') return found;
  if (digest.sizeBytes !== wanted.metadata.sizeBytes)
    return { kind: 'damaged', problem: `it has ${digest.sizeBytes} bytes` };
  const header = parseLongPageHeader(head);
  return header !== undefined && isWalHeader(header) ? found : { kind: 'damaged', problem: 'it is no WAL' };
}

async function canDecode({ repository, wanted, signal }: Look): Promise<boolean> {
  const { store, codec } = repository;
  const { privateKeys, passphrases } = codec.keyring.settings;
  if (privateKeys.length + passphrases.length > 0) return true;
  const { body } = await store.get(wanted.key, { range: { start: 0, end: 8 }, signal });
  let format = 'plain';
  for await (const chunk of body) format = detectFormat(chunk);
  return format !== 'openpgp';
}

interface ReadContent {
  readonly digest: ArchivedDigest;
  /** As many bytes as the header of a page has. */
  readonly head: Buffer;
}

/** Reads no further than one byte beyond the wanted size: it is another file then. */
async function readContent(decoded: ByteStream, { metadata }: ComparedFile): Promise<ReadContent> {
  const hash = createHash('sha256');
  const head = Buffer.alloc(longHeaderBytes);
  let sizeBytes = 0;
  for await (const chunk of decoded) {
    hash.update(chunk);
    if (sizeBytes < head.length) head.set(chunk.subarray(0, head.length - sizeBytes), sizeBytes);
    sizeBytes += chunk.length;
    if (sizeBytes > metadata.sizeBytes) break;
  }
  return { digest: { sha256: hash.digest('hex'), sizeBytes }, head };
}
