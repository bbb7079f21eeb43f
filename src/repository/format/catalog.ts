/** The committed backups of a system: its commit records, each with who signed it and when it reached the store. */
import { countBounds, objectBounds, totalBounds } from '../../base/bounds.ts';
import { each } from '../../base/threads/each.ts';
import { keepYoungHeapSmall } from '../../base/threads/small-young-heap.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import type { ListEntry } from '../../stores/store.ts';
import type { Repository } from '../repository.ts';
import { decodeBackupRecord, encodeBackupRecord } from './backup-record-json.ts';
import { comparePositions, type BackupRecord } from './backup-record.ts';
import { readSmallObject, readVerdict, writeSignedObject } from './json-object.ts';
import { describeVerdict, needsSignature } from '../encoding/signature-policy.ts';
import { commitRecordKey, commitRecordsPrefix, signatureKey, type SystemPath } from './layout.ts';

const { limitBytes } = objectBounds.record;

/**
 * So much is read of records that no trusted signer signed, the smallest first: nothing that anybody can plant costs more.
 * Where signatures are required it is enough for those of the time before a cluster's hosts signed, whose WAL cleanup
 * keeps; elsewhere for many years.
 */
const mostUnproven = {
  require: { count: countBounds.unprovenRequired.limit, bytes: totalBounds.unprovenRequired.limitBytes },
  otherwise: { count: countBounds.unproven.limit, bytes: totalBounds.unproven.limitBytes },
};

/**
 * The smallest records are read with all requests that the store has in flight, larger ones several at once, and the largest
 * one by one, because of the memory that they take: 32 MiB with `store.max-requests` of a thousand.
 */
const tinyBytes = 32 * 1024;
const smallBytes = 1024 ** 2;
const smallAtOnce = 8;

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

/**
 * Commits the backup. Everything the record names must be durable before the call.
 * @throws WalvaultError `config` for a record that no reader would take
 */
export async function writeBackupRecord(
  repository: Repository,
  system: SystemPath,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  const data = encodeBackupRecord(record);
  if (data.length > limitBytes) throw tooManyParts(record);
  // The id is this host's by its claim, and anybody can read it there.
  await writeSignedObject(repository, commitRecordKey(system, record.id), data, { isOwnKey: true, signal });
}

function tooManyParts({ parts }: BackupRecord): WalvaultError {
  return new WalvaultError(
    'config',
    `the backup has ${parts.length} parts: its record would be larger than ${limitBytes} bytes`,
    { hint: 'Raise backup.part-size.' },
  );
}

/**
 * Reads the catalogue. `newest`: only so many records, those with the highest ids, where no decision hangs on the others.
 */
export async function readCatalog(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
  { newest = Infinity }: { readonly newest?: number } = {},
): Promise<Catalog> {
  const prefix = commitRecordsPrefix(system);
  const { records: listed, signatures } = await listRecords(repository, prefix, signal);
  const records = newest < listed.length ? newestOf(listed, newest) : listed;
  const backups: CatalogEntry[] = [];
  const unreadable: UnreadableEntry[] = [];
  const budget = new UnprovenBudget(needsSignature(repository.codec.policy));
  const take = async (entry: ListedRecord) => {
    const id = entry.key.slice(prefix.length, -'.json'.length);
    const isSigned = signatures.has(signatureKey(entry.key));
    const found = await readRecord({ repository, system, budget, signal }, { id, entry, isSigned });
    if (found === undefined) return;
    if ('problem' in found) unreadable.push(found);
    else backups.push(found);
  };
  // A request makes much garbage, and ten thousand backups are as many.
  using _ = keepYoungHeapSmall();
  const bySize = records.toSorted((a, b) => a.sizeBytes - b.sizeBytes);
  const isTiny = ({ sizeBytes }: ListedRecord) => sizeBytes <= tinyBytes;
  const isSmall = ({ sizeBytes }: ListedRecord) => sizeBytes <= smallBytes;
  const { requestsAtOnce = smallAtOnce } = repository.store.capabilities;
  await each(bySize.filter(isTiny), requestsAtOnce, take);
  await each(
    bySize.filter(entry => isSmall(entry) && !isTiny(entry)),
    smallAtOnce,
    take,
  );
  for (const entry of bySize) if (!isSmall(entry)) await take(entry);
  backups.sort((a, b) => comparePositions(a.record, b.record));
  unreadable.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { backups, unreadable };
}

/** An id begins with a time. */
function newestOf(records: readonly ListedRecord[], count: number): readonly ListedRecord[] {
  return records.toSorted((a, b) => (a.key > b.key ? -1 : 1)).slice(0, count);
}

/** What is left for records that no trusted signer signed. */
class UnprovenBudget {
  #count: number;
  #bytes: number;

  constructor(isRequired: boolean) {
    const { count, bytes } = isRequired ? mostUnproven.require : mostUnproven.otherwise;
    this.#count = count;
    this.#bytes = bytes;
  }

  /** False: there is no room for it. */
  take(sizeBytes: number): boolean {
    if (this.#count === 0 || sizeBytes > this.#bytes) return false;
    this.#count--;
    this.#bytes -= sizeBytes;
    return true;
  }
}

interface Reading {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly budget: UnprovenBudget;
  readonly signal: AbortSignal;
}

/** Undefined: it is gone. The signature is verified before anything is parsed. */
async function readRecord(
  { repository, system, budget, signal }: Reading,
  { id, entry, isSigned }: { readonly id: string; readonly entry: ListedRecord; readonly isSigned: boolean },
): Promise<CatalogEntry | UnreadableEntry | undefined> {
  const { store } = repository;
  const source = `${store.url}: ${entry.key}`;
  let verdict: SignatureVerdict = { status: 'unsigned' };
  const unread = () => ({ id, problem: `it ${describeVerdict(verdict)}, and was not read`, verdict });
  if (!isSigned && !budget.take(entry.sizeBytes)) return unread();
  try {
    if (entry.sizeBytes > limitBytes)
      throw new WalvaultError('damaged', `${source} is larger than ${limitBytes} bytes`);
    const data = await readSmallObject(store, entry.key, { limitBytes, signal });
    if (data === undefined) return undefined;
    if (isSigned) verdict = await readVerdict(repository, entry.key, data, signal);
    if (isSigned && verdict.status !== 'good' && !budget.take(data.length)) return unread();
    const record = decodeBackupRecord(data, source);
    if (record.id !== id || record.systemId !== system.systemId)
      throw new WalvaultError('damaged', `${source} is the record of another backup`);
    return { record, verdict, committedAt: entry.modified };
  } catch (error) {
    if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
    return { id, problem: error.message, verdict };
  }
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
