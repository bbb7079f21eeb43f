/**
 * The cluster record, `cluster.json`: one for each PostgreSQL system, written by the first push, with the segment
 * size.
 */
import { objectBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Store } from '../../stores/store.ts';
import { parseFields } from './fields.ts';
import { readGeometry } from './geometry-field.ts';
import { createSmallObject, encodeJson, readSmallObject } from './json-object.ts';
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
  if (data === undefined) return undefined;
  const source = `${store.url}: ${key}`;
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
 * Makes sure that the record exists and has the same segment size.
 * @throws WalvaultError `invalid-file` when the archive was begun with another segment size (pg_resetwal
 *   --wal-segsize)
 */
export async function ensureClusterRecord(
  store: Store,
  system: SystemPath,
  record: ClusterRecord,
  signal: AbortSignal,
): Promise<void> {
  const existing = await readClusterRecord(store, system, signal);
  if (existing === undefined) {
    const { postgresMajor, geometry, blockSizeBytes } = record;
    const data = encodeJson({
      format: 1,
      systemId: String(system.systemId),
      postgresMajor,
      segmentSizeBytes: geometry.segmentSizeBytes,
      blockSizeBytes,
      firstSeen: new Date().toISOString(),
    });
    if (await createSmallObject(store, clusterRecordKey(system), data, signal)) return;
    return ensureClusterRecord(store, system, record, signal);
  }
  if (existing.geometry.segmentSizeBytes !== record.geometry.segmentSizeBytes) {
    throw new WalvaultError(
      'invalid-file',
      `${store.url}: the archive of system ${system.systemId} has segments of ${existing.geometry.segmentSizeBytes} bytes, this server writes ${record.geometry.segmentSizeBytes}`,
      {
        hint: 'The segment size was changed by pg_resetwal: give the cluster another name in the configuration.',
      },
    );
  }
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
