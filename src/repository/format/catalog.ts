/** The committed backups of a system: its commit records, each with who signed it and when it reached the store. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import type { ListEntry } from '../../stores/store.ts';
import type { Repository } from '../repository.ts';
import { decodeBackupRecord, encodeBackupRecord } from './backup-record-json.ts';
import { comparePositions, type BackupRecord } from './backup-record.ts';
import { readSmallObject, readVerdict, writeSignedObject } from './json-object.ts';
import { describeVerdict, needsSignature } from '../encoding/signature-policy.ts';
import { commitRecordKey, commitRecordsPrefix, signatureKey, type SystemPath } from './layout.ts';

const limitBytes = 256 * 1024 ** 2;

/**
 * So much is read of records that no signature makes believed where one is required: enough for those of the time before
 * a cluster's hosts signed, whose WAL cleanup keeps, and nothing that anybody can plant costs more.
 */
const mostUnsignedBytes = 16 * 1024 ** 2;

export interface CatalogEntry {
  readonly record: BackupRecord;
  readonly verdict: SignatureVerdict;
  /** When the record reached the store, by the store's clock. */
  readonly committedAt: Date;
}

/** An existing record that cannot be used; retention keeps all objects it might name. */
export interface UnreadableEntry {
  readonly id: string;
  readonly problem: string;
  /** The verdict on what is stored; `unsigned` for a record that was not even read. */
  readonly verdict: SignatureVerdict;
}

export interface Catalog {
  /** The backups ordered by timeline, then by start LSN, never by clocks or ids. */
  readonly backups: readonly CatalogEntry[];
  readonly unreadable: readonly UnreadableEntry[];
}

/** Commits the backup. Everything the record names must be durable before the call. */
export async function writeBackupRecord(
  repository: Repository,
  system: SystemPath,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  await writeSignedObject(repository, commitRecordKey(system, record.id), encodeBackupRecord(record), signal);
}

export async function readCatalog(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<Catalog> {
  const backups: CatalogEntry[] = [];
  const unreadable: UnreadableEntry[] = [];
  const prefix = commitRecordsPrefix(system);
  const { records, signatures } = await listRecords(repository, prefix, signal);
  const isRequired = needsSignature(repository.codec.policy);
  let unsignedBytes = 0;
  for (const entry of records) {
    const id = entry.key.slice(prefix.length, -'.json'.length);
    let verdict: SignatureVerdict = { status: 'unsigned' };
    if (isRequired && !signatures.has(signatureKey(entry.key))) {
      unsignedBytes += entry.sizeBytes;
      if (unsignedBytes > mostUnsignedBytes) {
        unreadable.push({ id, problem: `it ${describeVerdict(verdict)}, and was not read`, verdict });
        continue;
      }
    }
    try {
      const data = await readSmallObject(repository.store, entry.key, { limitBytes, signal });
      if (data === undefined) continue;
      verdict = await readVerdict(repository, entry.key, data, signal);
      const record = decodeBackupRecord(data, `${repository.store.url}: ${entry.key}`);
      if (record.id !== id || record.systemId !== system.systemId) {
        throw new WalvaultError(
          'damaged',
          `${repository.store.url}: ${entry.key} is the record of another backup`,
        );
      }
      backups.push({ record, verdict, committedAt: entry.modified });
    } catch (error) {
      if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
      unreadable.push({ id, problem: error.message, verdict });
    }
  }
  backups.sort((a, b) => comparePositions(a.record, b.record));
  return { backups, unreadable };
}

type ListedRecord = Extract<ListEntry, { readonly key: string }>;

interface ListedRecords {
  readonly records: readonly ListedRecord[];
  /** The keys of signatures. */
  readonly signatures: ReadonlySet<string>;
}

async function listRecords(
  { store }: Repository,
  prefix: string,
  signal: AbortSignal,
): Promise<ListedRecords> {
  const records: ListedRecord[] = [];
  const signatures = new Set<string>();
  for await (const entry of store.list({ prefix, signal })) {
    if ('prefix' in entry) continue;
    if (entry.key.endsWith('.json')) records.push(entry);
    else signatures.add(entry.key);
  }
  return { records, signatures };
}
