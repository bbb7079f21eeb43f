/**
 * A store in the memory of this process, for tests. It is as strict as the real ones (atomic creation, checked bodies,
 * sorted pages).
 */
import { createHash } from 'node:crypto';
import {
  announcedSizeBytes,
  assertRange,
  BodyCheck,
  resolveRange,
  streamOfBody,
} from '../driver-kit/body.ts';
import { createCheckedStore } from '../driver-kit/checked-store.ts';
import { separateKeys } from '../driver-kit/key.ts';
import {
  StoreError,
  type CallOptions,
  type DeleteFailure,
  type GetOptions,
  type ListEntry,
  type ListOptions,
  type ObjectStat,
  type PutBody,
  type PutOptions,
  type Store,
  type StoreCapabilities,
  type StoredObject,
} from '../store.ts';

export interface MemoryStoreOptions {
  /** A name in the URL, to tell several stores apart in messages. */
  readonly name?: string;
  /** The clock behind `modified`. */
  readonly now?: () => Date;
}

const chunkBytes = 1024 * 1024;
const metadataLimitBytes = 2048;

export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return createCheckedStore(new MemoryStore(options));
}

interface MemoryObject {
  readonly stat: ObjectStat;
  readonly data: Buffer;
  readonly sha256: string;
}

class MemoryStore implements Store {
  readonly url: string;
  readonly capabilities: StoreCapabilities = {
    conditionalCreate: 'atomic',
    checksumOnWrite: true,
    metadataLimitBytes,
  };
  readonly #objects = new Map<string, MemoryObject>();
  readonly #now: () => Date;

  constructor(options: MemoryStoreOptions) {
    this.url = `memory:${options.name ?? ''}`;
    this.#now = options.now ?? (() => new Date());
  }

  async put(key: string, body: PutBody, options: PutOptions): Promise<void> {
    const check = new BodyCheck(
      key,
      { ...options, sizeBytes: options.sizeBytes ?? announcedSizeBytes(body, options) },
      'always',
    );
    const chunks: Uint8Array[] = [];
    for await (const chunk of streamOfBody(body)) {
      options.signal.throwIfAborted();
      check.update(chunk);
      chunks.push(Uint8Array.from(chunk));
    }
    const { sizeBytes, sha256 = '' } = check.finish();
    options.signal.throwIfAborted();
    if (options.ifAbsent && this.#objects.has(key))
      throw new StoreError('exists', `put ${key}: already exists`);
    const stat = { key, sizeBytes, modified: this.#now(), metadata: Object.freeze({ ...options.metadata }) };
    this.#objects.set(key, { stat, data: Buffer.concat(chunks, sizeBytes), sha256 });
  }

  async get(key: string, options: GetOptions): Promise<StoredObject> {
    assertRange(key, options.range);
    const object = this.#objects.get(key);
    if (object === undefined) throw new StoreError('absent', `get ${key}: no such object`);
    const { start, end } = resolveRange(key, options.range, object.data.length);
    return { stat: object.stat, body: readObject(object, start, end, options.signal) };
  }

  async head(key: string): Promise<ObjectStat | undefined> {
    return this.#objects.get(key)?.stat;
  }

  async *list(options: ListOptions): AsyncGenerator<ListEntry> {
    for await (const page of this.listPages(options)) yield* page;
  }

  async *listPages(options: ListOptions): AsyncGenerator<ListEntry[]> {
    const page: ListEntry[] = [];
    const { prefix, startAfter = '', delimiter, signal } = options;
    signal.throwIfAborted();
    let lastPrefix: string | undefined;
    for (const key of [...this.#objects.keys()].filter(key => key.startsWith(prefix)).sort()) {
      signal.throwIfAborted();
      const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      const shown = cut === -1 ? key : key.slice(0, cut + 1);
      const object = this.#objects.get(key);
      if (shown <= startAfter || shown === lastPrefix || object === undefined) continue;
      if (cut === -1) {
        page.push({ key, sizeBytes: object.stat.sizeBytes, modified: object.stat.modified });
      } else {
        lastPrefix = shown;
        page.push({ prefix: shown });
      }
    }
    if (page.length > 0) yield page;
  }

  async delete(keys: readonly string[], options: CallOptions): Promise<DeleteFailure[]> {
    options.signal.throwIfAborted();
    const { legal, failures } = separateKeys(keys);
    for (const key of legal) this.#objects.delete(key);
    return failures;
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}

async function* readObject(
  object: MemoryObject,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  // The caller gets copies, because writing into a body would damage the store. This check proves that none did.
  if (createHash('sha256').update(object.data).digest('hex') !== object.sha256)
    throw new StoreError('damaged', `get ${object.stat.key}: the bytes in memory have changed`);
  for (let offset = start; offset < end; offset += chunkBytes) {
    signal.throwIfAborted();
    yield Uint8Array.from(object.data.subarray(offset, Math.min(offset + chunkBytes, end)));
  }
}
