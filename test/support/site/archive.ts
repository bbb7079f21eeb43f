/** An archive in memory, filled by the repository's own code, for tests of its readers. */
import { silentLog } from '../logs.ts';
import { WalGeometry } from '../../../src/postgres/wal/geometry.ts';
import { Codec } from '../../../src/repository/encoding/codec.ts';
import { ensureClusterRecord } from '../../../src/repository/format/cluster-record.ts';
import type { SignaturePolicy } from '../../../src/repository/encoding/signature-policy.ts';
import { Keyring } from '../../../src/repository/encoding/keyring.ts';
import { createMarker } from '../../../src/repository/format/marker.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { branchInText } from '../../../src/repository/wal/timelines.ts';
import { encodeWalObject, storeWalObject } from '../../../src/repository/wal/write-object.ts';
import { createMemoryStore } from '../../../src/stores/memory/store.ts';
import type { Store } from '../../../src/stores/store.ts';
import { makeSegment, plainFile, segmentFile, walFile } from '../wal/wal.ts';

export const system = { cluster: 'orders', systemId: 7_300_000_000_000_000_001n };
export const segmentSizeBytes = 1024 ** 2;
export const geometry = new WalGeometry(segmentSizeBytes);
export const signal = new AbortController().signal;

export function plainCodec(verifySignatures: SignaturePolicy = 'off'): Codec {
  const keyring = new Keyring({
    mode: 'none',
    walRecipients: [],
    backupRecipients: [],
    passphrases: [],
    privateKeys: [],
    privateKeyPassphrases: [],
    signingKey: undefined,
    signingPassphrase: undefined,
    trustedSigners: [],
  });
  return new Codec(keyring, { compressionLevel: 1, verifySignatures }, silentLog);
}

/** A repository with its marker and this system's record; `name` tells several apart. */
export async function makeRepository(
  options: { name?: string; required?: boolean; store?: Store; empty?: boolean; geometry?: WalGeometry } = {},
): Promise<Repository> {
  const { name = 'main', required = true, store = createMemoryStore() } = options;
  const made = { name, required, expectedId: undefined, store, codec: plainCodec() };
  if (options.empty !== true) {
    await createMarker(store, signal);
    const facts = { postgresMajor: 15, geometry: options.geometry ?? geometry, blockSizeBytes: 8192 };
    await ensureClusterRecord(made, system, facts, signal);
  }
  return made;
}

export async function archiveSegment(
  repository: Repository,
  timeline: number,
  number: bigint,
  fill = Number(number % 251n),
): Promise<void> {
  const made = { timeline, number, systemId: system.systemId, segmentSizeBytes, fill };
  const object = await encodeWalObject(repository.codec, {
    system,
    file: segmentFile(made),
    plain: plainFile(makeSegment(made)),
  });
  await storeWalObject(repository, object, signal);
}

/** Archives `<name>` with any content, a history with its branch. */
export async function archiveFile(
  repository: Repository,
  name: string,
  content: string | Uint8Array,
): Promise<void> {
  const file = walFile(name);
  const branch =
    file.kind === 'history' ? branchOf(file.timeline, Buffer.from(content).toString()) : undefined;
  const object = await encodeWalObject(repository.codec, {
    system,
    file,
    plain: plainFile(Buffer.from(content)),
    branch,
  });
  await storeWalObject(repository, object, signal);
}

/** Undefined for junk, as push finds it. */
function branchOf(timeline: number, content: string) {
  try {
    return branchInText(timeline, content, '');
  } catch {
    return undefined;
  }
}

/** The same store with some methods replaced, to make it fail on purpose. */
export function overrideStore(store: Store, overrides: Partial<Store>): Store {
  return {
    url: store.url,
    capabilities: store.capabilities,
    put: (key, body, options) => store.put(key, body, options),
    get: (key, options) => store.get(key, options),
    head: (key, options) => store.head(key, options),
    list: options => store.list(options),
    delete: (keys, options) => store.delete(keys, options),
    close: () => store.close(),
    ...overrides,
  };
}
