/** What a driver must lend to the contract suite, and what the cases share. */
import { createHash, randomBytes } from 'node:crypto';
import assert from 'node:assert/strict';
import { collect } from '../../src/base/bytes/streams.ts';
import {
  StoreError,
  type GetOptions,
  type ListEntry,
  type ListOptions,
  type PutBody,
  type PutOptions,
  type Store,
  type StoreErrorKind,
} from '../../src/stores/store.ts';

export interface ContractDriver {
  readonly name: string;
  open(): Promise<ContractFixture>;
}

export interface ContractFixture {
  /** Empty at the start, used by all cases under prefixes of their own. */
  readonly store: Store;
  /** Another handle on the same objects, as another process would have. */
  readonly second: Store;
  /** A body of this size crosses from one way of writing to another: a part, a page, a chunk. */
  readonly boundaryBytes: number;
  /** A store whose bucket or directory is not there. */
  readonly withoutContainer?: Store | undefined;
  /** Runs `work` with a store that lets nothing be read nor written. */
  readonly asDenied?: ((work: (store: Store) => Promise<void>) => Promise<void>) | undefined;
  /** What unfinished writing has left behind: hidden files, open uploads. */
  readonly leftovers?: (() => Promise<readonly string[]>) | undefined;
  /** Changes the stored bytes behind the driver's back. */
  readonly damage?: ((key: string, how: 'flip' | 'cut') => Promise<void>) | undefined;
  close(): Promise<void>;
}

export const signal = new AbortController().signal;
const largestBodyBytes = 64 * 1024 * 1024;

export function putOptions(options: Partial<PutOptions> = {}): PutOptions {
  return { ifAbsent: true, objectClass: 'wal', signal, ...options };
}

export async function put(
  store: Store,
  key: string,
  body: PutBody | string,
  options: Partial<PutOptions> = {},
): Promise<void> {
  await store.put(key, typeof body === 'string' ? [Buffer.from(body)] : body, putOptions(options));
}

export async function read(store: Store, key: string, range?: GetOptions['range']): Promise<Buffer> {
  const object = await store.get(key, { signal, range });
  return await collect(object.body, largestBodyBytes);
}

export async function names(store: Store, options: Omit<ListOptions, 'signal'>): Promise<string[]> {
  return (await entries(store, options)).map(entry => ('key' in entry ? entry.key : entry.prefix));
}

export async function entries(store: Store, options: Omit<ListOptions, 'signal'>): Promise<ListEntry[]> {
  const found: ListEntry[] = [];
  for await (const entry of store.list({ ...options, signal })) found.push(entry);
  return found;
}

export function rejectsAs(kind: StoreErrorKind, work: Promise<unknown>): Promise<void> {
  return assert.rejects(work, error => {
    assert(error instanceof StoreError, `not a StoreError: ${String(error)}`);
    assert.equal(error.kind, kind, error.message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

/** In pieces of an odd size, so that they never line up with a driver's own. */
export async function* inPieces(data: Uint8Array, pieceBytes = 100_003): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += pieceBytes) yield data.subarray(at, at + pieceBytes);
}

export function randomBody(sizeBytes: number): Buffer {
  return randomBytes(sizeBytes);
}

export function sha256Of(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
