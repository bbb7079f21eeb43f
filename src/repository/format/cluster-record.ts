/**
 * The cluster record, `cluster.json`: one for each PostgreSQL system, written by the first push, with the segment
 * size.
 */
import { objectBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { isStoreError, type Store } from '../../stores/store.ts';
import { parseFields } from './fields.ts';
import { readGeometry } from './geometry-field.ts';
import { isBelieved, needsSignature } from '../encoding/signature-policy.ts';
import type { Repository } from '../repository.ts';
import { encodeJson, readSmallObject, readVerdict, writeSignedObject } from './json-object.ts';
import { clusterRecordKey, type SystemPath } from './layout.ts';

const { limitBytes } = objectBounds.clusterRecord;

export interface ClusterRecord {
  readonly postgresMajor: number;
  readonly geometry: WalGeometry;
  readonly blockSizeBytes: number;
}

export interface StoredClusterRecord extends ClusterRecord {
  /** When the first push or backup of the system wrote it, by the clock of its host. */
  readonly firstSeen: Date | undefined;
}

export async function readClusterRecord(
  store: Store,
  system: SystemPath,
  signal: AbortSignal,
): Promise<StoredClusterRecord | undefined> {
  const key = clusterRecordKey(system);
  const data = await readSmallObject(store, key, { limitBytes, signal });
  return data && decodeRecord(data, system, `${store.url}: ${key}`);
}

/** @throws WalvaultError `damaged` */
function decodeRecord(data: Buffer, system: SystemPath, source: string): StoredClusterRecord {
  const fields = parseFields(data, source);
  if (!fields.is('systemId', String(system.systemId)))
    throw new WalvaultError('damaged', `${source} belongs to system ${fields.shown('systemId')}`);
  return {
    postgresMajor: fields.number('postgresMajor'),
    geometry: readGeometry(fields),
    blockSizeBytes: fields.number('blockSizeBytes'),
    firstSeen: fields.has('firstSeen') ? fields.time('firstSeen') : undefined,
  };
}

/**
 * Makes sure that the record exists and has the same segment size. One that is not believed and says otherwise was
 * planted, and is replaced; one that agrees is left alone, whoever wrote it.
 * @throws WalvaultError `invalid-file` when the archive was begun with another segment size (pg_resetwal
 *   --wal-segsize)
 */
export async function ensureClusterRecord(
  repository: Repository,
  system: SystemPath,
  record: ClusterRecord,
  signal: AbortSignal,
): Promise<void> {
  const existing = await compareClusterRecord(repository, system, record, signal);
  if (existing === 'agrees') return;
  const { postgresMajor, geometry, blockSizeBytes } = record;
  if (existing !== undefined)
    throw new WalvaultError(
      'invalid-file',
      `${repository.store.url}: the archive of system ${system.systemId} has segments of ${existing.geometry.segmentSizeBytes} bytes, this server writes ${geometry.segmentSizeBytes}`,
      {
        hint: 'The segment size was changed by pg_resetwal: give the cluster another name in the configuration.',
      },
    );
  const data = encodeJson({
    format: 1,
    systemId: String(system.systemId),
    postgresMajor,
    segmentSizeBytes: geometry.segmentSizeBytes,
    blockSizeBytes,
    firstSeen: new Date().toISOString(),
  });
  const key = clusterRecordKey(system);
  try {
    await writeSignedObject(repository, key, data, { isOwnKey: true, signal });
  } catch (error) {
    // Another host was quicker.
    if (!isStoreError(error, 'exists')) throw error;
    if ((await compareClusterRecord(repository, system, record, signal)) !== 'agrees') throw error;
  }
}

/**
 * The existing record, if it counts: `agrees` where it has the same segment size, whoever wrote it.
 * @throws WalvaultError `damaged` where an unsigned record would count; StoreError
 */
export async function compareClusterRecord(
  repository: Repository,
  system: SystemPath,
  { geometry }: Pick<ClusterRecord, 'geometry'>,
  signal: AbortSignal,
): Promise<StoredClusterRecord | 'agrees' | undefined> {
  const { store, codec } = repository;
  const key = clusterRecordKey(system);
  const isProven = async () => {
    const data = await readSmallObject(store, key, { limitBytes, signal });
    return data !== undefined && isBelieved(await readVerdict(repository, key, data, signal), codec.policy);
  };
  let record: StoredClusterRecord | undefined;
  try {
    record = await readClusterRecord(store, system, signal);
  } catch (error) {
    if (!(error instanceof WalvaultError) || error.code !== 'damaged' || !needsSignature(codec.policy))
      throw error;
    return undefined;
  }
  if (record?.geometry.segmentSizeBytes === geometry.segmentSizeBytes) return 'agrees';
  return record !== undefined && (await isProven()) ? record : undefined;
}

/** The system identifiers that this cluster name has had, in the listing order of their decimal text. */
export async function listSystemIds(store: Store, cluster: string, signal: AbortSignal): Promise<bigint[]> {
  const prefix = `${cluster}/`;
  const ids: bigint[] = [];
  for await (const entry of store.list({ prefix, delimiter: '/', signal })) {
    if (!('prefix' in entry)) continue;
    const name = entry.prefix.slice(prefix.length, -1);
    if (/^\d{1,20}$/.test(name)) ids.push(BigInt(name));
  }
  return ids;
}

/** The names of all clusters, in listing order: the directories at the top that have a system. */
export async function listClusters(store: Store, signal: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of store.list({ prefix: '', delimiter: '/', signal })) {
    if (!('prefix' in entry)) continue;
    const name = entry.prefix.slice(0, -1);
    if ((await listSystemIds(store, name, signal)).length > 0) names.push(name);
  }
  return names;
}
