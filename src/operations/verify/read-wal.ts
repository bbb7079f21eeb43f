/** The reading of archived WAL files, each to its end: what they decode to, and whether that is what was archived. */
import { isStoreError, type ObjectStat } from '../../stores/store.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { longHeaderBytes } from '../../postgres/wal/page-header.ts';
import { checkSegment } from '../../postgres/wal/segment-check.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import { describeVerdict, isBelieved } from '../../repository/encoding/signature-policy.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { ReadDepth } from '../../repository/format/notes/verified.ts';
import { decodeMetadata, type WalObjectMetadata } from '../../repository/format/object-metadata.ts';
import type { Repository } from '../../repository/repository.ts';
import { mostBytesOfWalFile, NotBelievedError, openWalObject } from '../../repository/wal/read-object.ts';
import { branchInText, collectHistory } from '../../repository/wal/timelines.ts';
import { withMethods } from '../../stores/methods.ts';
import { storedDigestOf } from '../copy-object.ts';
import type { FindingKind } from './finding.ts';
import { readStoredBytes } from './stored-bytes.ts';

export type WalFaultKind = Extract<
  FindingKind,
  | 'wal-wrong-size' | 'wal-bytes-changed' | 'wal-undecodable' | 'wal-mislabelled' | 'wal-signature-bad'
  | 'wal-metadata-missing' | 'wal-not-believed'
>; // prettier-ignore

/** Plain data, for other threads. `gone`: deleted meanwhile. `cold`: it must be thawed before it can be read. */
export type ReadOutcome<Kind extends FindingKind> =
  | { readonly outcome: 'sound'; readonly depth: ReadDepth; readonly storedBytes: number }
  | { readonly outcome: 'gone' | 'cold' }
  | { readonly outcome: 'faulty'; readonly kind: Kind; readonly problem: string };

export type WalOutcome = ReadOutcome<WalFaultKind>;

export interface WalToRead {
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
  readonly key: string;
  readonly file: WalFileName;
  /** `stored`: this host cannot open what it archives. */
  readonly depth: ReadDepth;
  readonly signal: AbortSignal;
}

/** @throws StoreError when the store fails, which says nothing about the object */
export async function readWal(repository: Repository, wal: WalToRead): Promise<WalOutcome> {
  try {
    if (wal.depth === 'stored') return await readAsStored(repository, wal);
    const outcome = await readDecoded(repository, wal);
    return outcome ?? (await readAsStored(repository, wal));
  } catch (error) {
    if (isStoreError(error, 'absent')) return { outcome: 'gone' };
    if (isStoreError(error, 'cold')) return { outcome: 'cold' };
    throw error;
  }
}

/** Undefined: no key of this host fits. */
async function readDecoded(repository: Repository, wal: WalToRead): Promise<WalOutcome | undefined> {
  const { key, file, geometry, signal } = wal;
  let stat: ObjectStat | undefined;
  let verdict: SignatureVerdict | undefined;
  const { store } = repository;
  const watched = withMethods(store, {
    async get(asked, options) {
      const found = await store.get(asked, options);
      stat = found.stat;
      return found;
    },
  });
  try {
    const { plain, metadata, release } = await openWalObject({ ...repository, store: watched }, key, {
      limitBytes: mostBytesOfWalFile(file, geometry.segmentSizeBytes),
      signal,
      onVerdict: found => (verdict = found),
    });
    const wrongSize = stat === undefined ? undefined : wrongSizeOf(stat);
    try {
      const problem = await problemOfContent(plain, wal, metadata);
      if (wrongSize !== undefined) return faulty('wal-wrong-size', wrongSize);
      if (problem !== undefined) return faulty('wal-mislabelled', problem);
    } finally {
      release();
    }
    if (metadata === undefined)
      return faulty('wal-metadata-missing', 'its metadata is lost: nothing tells what was archived');
    return { outcome: 'sound', depth: 'decoded', storedBytes: stat?.sizeBytes ?? 0 };
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    if (verdict?.status === 'bad') return faulty('wal-signature-bad', describeVerdict(verdict));
    // A verdict comes at the end of what could be decoded.
    const isBare = stat !== undefined && decodeMetadata(stat.metadata) === undefined;
    if (isBare && verdict === undefined && error.code === 'damaged')
      return faulty('wal-undecodable', `${error.message}; its metadata is lost, too`);
    if (error instanceof NotBelievedError) return faulty('wal-not-believed', error.problem);
    if (error.code === 'key') return undefined;
    if (error.code !== 'damaged') throw error;
    const wrongSize = stat === undefined ? undefined : wrongSizeOf(stat);
    if (wrongSize !== undefined) return faulty('wal-wrong-size', wrongSize);
    const stored = await readStoredBytes(repository, key, undefined, signal);
    if (!stored.isAsRecorded) return faulty('wal-bytes-changed', changedBytes);
    return faulty('wal-undecodable', error.message);
  }
}

async function readAsStored(repository: Repository, { key, signal }: WalToRead): Promise<WalOutcome> {
  const { stat, recorded, isAsRecorded, verdict } = await readStoredBytes(repository, key, undefined, signal);
  if (verdict.status === 'bad') return faulty('wal-signature-bad', describeVerdict(verdict));
  if (!isBelieved(verdict, repository.codec.policy))
    return faulty('wal-not-believed', describeVerdict(verdict));
  const wrongSize = wrongSizeOf(stat);
  if (wrongSize !== undefined) return faulty('wal-wrong-size', wrongSize);
  if (!isAsRecorded) return faulty('wal-bytes-changed', changedBytes);
  if (recorded === undefined)
    return faulty('wal-metadata-missing', 'its metadata is lost: nothing tells what was archived');
  return { outcome: 'sound', depth: 'stored', storedBytes: stat.sizeBytes };
}

const changedBytes = 'its stored bytes are not those that were stored';

function wrongSizeOf(stat: ObjectStat): string | undefined {
  const recorded = storedDigestOf(stat);
  return recorded === undefined || recorded.sizeBytes === stat.sizeBytes
    ? undefined
    : `has ${stat.sizeBytes} bytes and was stored with ${recorded.sizeBytes}`;
}

/** Reads to the end. @returns what is wrong with a content that is what was archived */
async function problemOfContent(
  plain: ByteStream,
  { file, key, system, geometry }: WalToRead,
  metadata: WalObjectMetadata | undefined,
): Promise<string | undefined> {
  if (file.kind === 'history') {
    const text = (await collectHistory(plain, key)).toString('utf8');
    const { parent, switchpoint } = branchInText(file.timeline, text, key);
    const told = metadata?.branch;
    return told === undefined || (told.parent === parent && told.switchpoint === switchpoint)
      ? undefined
      : 'its metadata tells another parent or switchpoint than its content';
  }
  const head: Buffer[] = [];
  let headBytes = 0;
  let sizeBytes = 0;
  for await (const chunk of plain) {
    sizeBytes += chunk.length;
    if (headBytes >= longHeaderBytes) continue;
    const begin = Buffer.from(chunk.subarray(0, longHeaderBytes));
    head.push(begin);
    headBytes += begin.length;
  }
  if (file.kind === 'backup') return undefined;
  const firstPage = Buffer.concat(head);
  const { problems } = checkSegment({ file, sizeBytes, firstPage, systemId: system.systemId, geometry });
  return problems.length === 0 ? undefined : problems.join('; ');
}

function faulty(kind: WalFaultKind, problem: string): WalOutcome {
  return { outcome: 'faulty', kind, problem };
}
