/**
 * The copy of one committed backup: everything it names first, its commit record last, so that it exists only where
 * it is whole.
 */
import { objectBounds } from '../../base/bounds.ts';
import { readVerdict, readSmallObject } from '../../repository/format/json-object.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import {
  backupPrefix,
  claimKey,
  commitRecordKey,
  isPartKey,
  signatureKey,
  type SystemPath,
} from '../../repository/format/layout.ts';
import { copyObject } from '../copy-object.ts';
import { each } from '../../base/threads/each.ts';
import { keyedPiece, keyedPiecesOf, neededKeys, type BackupPiece } from './plan.ts';
import type { CopiedBackup, CopyContext } from './report.ts';

const { limitBytes } = objectBounds.record;
/** Parts are large, and each is copied as a stream of its own. */
const piecesAtOnce = 3;

export async function copyBackup(
  context: CopyContext,
  system: SystemPath,
  record: BackupRecord,
): Promise<CopiedBackup> {
  const { from, to, report, signal } = context;
  const key = commitRecordKey(system, record.id);
  const [ours, theirs] = await Promise.all([
    readSmallObject(from.store, key, { limitBytes, signal }),
    readSmallObject(to.store, key, { limitBytes, signal }),
  ]);
  if (ours === undefined) return heldBack(record, 'it has gone from the source meanwhile');
  if (theirs !== undefined && !ours.equals(theirs)) {
    report.addConflict(key, `repository "${to.name}" holds another backup under this id`);
    return heldBack(record, 'the target has another backup of this id');
  }
  const isCommitted = theirs !== undefined;
  const problem =
    (await copyPieces(context, system, { record, isCommitted })) ??
    (await findUnready(context, system, record)) ??
    (await copySignature(context, key, ours));
  if (problem !== undefined) return heldBack(record, problem);
  if (isCommitted) return { id: record.id, outcome: 'present', reason: undefined };
  const isThere = await copyObject(context, {
    key,
    objectClass: 'catalog',
    mayExist: false,
    sizeBytes: ours.length,
  });
  return isThere
    ? { id: record.id, outcome: 'copied', reason: undefined }
    : heldBack(record, 'its commit record could not be copied');
}

function heldBack({ id }: BackupRecord, reason: string): CopiedBackup {
  return { id, outcome: 'held-back', reason };
}

interface Backup {
  readonly record: BackupRecord;
  /** Whether the target has the commit record: then only missing pieces are copied. */
  readonly isCommitted: boolean;
}

/**
 * Copies the parts, the name map and the manifest. Without its name map a backup is still worth a copy.
 * @returns why the target does not have all pieces
 */
async function copyPieces(
  context: CopyContext,
  system: SystemPath,
  { record, isCommitted }: Backup,
): Promise<string | undefined> {
  const { to, report, signal } = context;
  const there = new Map<string, number>();
  for await (const entry of to.store.list({ prefix: backupPrefix(system, record.id), signal }))
    if ('key' in entry) there.set(entry.key, entry.sizeBytes);
  const claim = claimKey(system, record.id);
  for (const key of [signatureKey(claim), claim])
    if (!there.has(key) && (await context.from.store.head(key, { signal })) !== undefined)
      await copyObject(context, { key, objectClass: 'catalog', mayExist: false, sizeBytes: 0 });
  const missing: string[] = [];
  const copyPiece = async ({ key, digest }: BackupPiece) => {
    if (isCommitted && there.get(key) === digest.sizeBytes) {
      report.addIdentical();
      return true;
    }
    const { sizeBytes } = digest;
    const objectClass = isPartKey(key) ? 'backup' : 'catalog';
    const object = { key, objectClass, digest, mayExist: there.has(key), sizeBytes } as const;
    return copyObject(context, object);
  };
  const copyNeeded = async (piece: BackupPiece) => {
    if (!(await copyPiece(piece))) missing.push(piece.key);
  };
  const pieces = keyedPiecesOf(system, record);
  const manifest = pieces.pop();
  await each(pieces, piecesAtOnce, copyNeeded);
  if (record.names !== undefined) await copyPiece(keyedPiece(system, record, record.names));
  if (manifest !== undefined && missing.length === 0) await copyNeeded(manifest);
  return missing.length === 0
    ? undefined
    : `${missing.length} of its parts could not be copied, ${missing[0]} first`;
}

/**
 * Looks for the WAL that makes the backup consistent.
 * @returns why it is not in the target as it is in the source
 */
async function findUnready(
  context: CopyContext,
  system: SystemPath,
  record: BackupRecord,
): Promise<string | undefined> {
  const { from, to, report, isDryRun, signal } = context;
  const { store } = isDryRun ? from : to;
  for (const key of neededKeys(system, record)) {
    const name = key.slice(key.lastIndexOf('/') + 1);
    if (report.isSpoilt(key)) return `its WAL segment ${name} could not be copied`;
    if ((await store.head(key, { signal })) === undefined)
      return `its WAL segment ${name} is not in the source`;
  }
  return undefined;
}

/**
 * Copies the signature. Signing twice gives two different signatures, both good: a signature in the target is kept
 * unless it is bad.
 */
async function copySignature(context: CopyContext, key: string, record: Buffer): Promise<string | undefined> {
  const { from, to, report, signal } = context;
  const signature = signatureKey(key);
  const stat = await from.store.head(signature, { signal });
  if (stat === undefined) return undefined;
  if ((await to.store.head(signature, { signal })) !== undefined) {
    const { status } = await readVerdict(to, key, record, signal);
    if (status !== 'bad') {
      report.addIdentical();
      return undefined;
    }
  }
  const object = {
    key: signature,
    objectClass: 'catalog',
    mayExist: true,
    sizeBytes: stat.sizeBytes,
  } as const;
  return (await copyObject(context, object))
    ? undefined
    : 'the signature of its commit record could not be copied';
}
