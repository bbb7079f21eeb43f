/**
 * `walvault copy --from A --to B`: copies stored objects from one repository to another, without a private key.
 *
 * No object in the target is ever replaced. A repeated copy skips the objects that are there, and so continues where
 * it stopped. The order keeps the target consistent at every moment: histories and WAL before backups, parts before
 * the manifest before the signature before the commit record (P4).
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { describeVerdict, isBelieved } from '../../repository/encoding/signature-policy.ts';
import { readCatalog } from '../../repository/format/catalog.ts';
import { listSystemIds, compareClusterRecord } from '../../repository/format/cluster-record.ts';
import {
  clusterRecordKey,
  notesPrefix,
  signatureKey,
  timelinesPrefix,
  walPrefix,
  type SystemPath,
  commitRecordKey,
} from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import { refuseUnknownCluster } from '../../repository/known-cluster.ts';
import type { Repository } from '../../repository/repository.ts';
import { PassedOverObjects } from '../../repository/passed-over.ts';
import { surveySystem } from '../../repository/survey.ts';
import { copyBackup } from './copy-backup.ts';
import { copyObject } from '../copy-object.ts';
import { withForecast } from './forecast.ts';
import { each } from '../../base/threads/each.ts';
import { isCopiedNote, isWalKey, joinListings, neededKeys, tellingHighWater, withParents } from './plan.ts';
import { CopyReport, type CopyContext, type CopyResult } from './report.ts';
import type { Log } from '../../observe/events/events.ts';

export interface CopyOptions {
  readonly from: Repository;
  readonly to: Repository;
  readonly cluster: string;
  /** `backup`: the backup with this id, the backups it builds on, and the WAL that makes them consistent. */
  readonly what: { readonly kind: 'everything' | 'wal' } | { readonly kind: 'backup'; readonly id: string };
  readonly isDryRun: boolean;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Concurrent copies of objects of a segment's size: enough to hide the latency of a distant store, few enough for
 * memory.
 */
const objectsAtOnce = 8;

/**
 * Copies what was asked for. Conflicts and objects that cannot be copied are in the result; all others are copied all
 * the same.
 * @throws WalvaultError `not-a-repository`, `not-found` (no such backup or cluster), StoreError when a store fails altogether
 */
export async function copy(options: CopyOptions): Promise<CopyResult> {
  const { from, to, cluster, what, isDryRun, log, signal } = options;
  if (from.name === to.name)
    throw new WalvaultError('usage', `copy: "${from.name}" is both the source and the target`);
  await verifyMarker(from, signal);
  await verifyMarker(to, signal);
  const report = new CopyReport(log);
  const context: CopyContext = { from, to, isDryRun, report, log, signal };
  let isFound = false;
  const systemIds = await listSystemIds(from.store, cluster, signal);
  if (systemIds.length === 0) await refuseUnknownCluster([from], cluster, signal);
  for (const systemId of systemIds) {
    const system = { cluster, systemId };
    const backups = what.kind === 'wal' ? [] : await chooseBackups(options, system);
    if (what.kind === 'backup' && backups.length === 0) continue;
    isFound = true;
    await withForecast({ context, system, withAllWal: what.kind !== 'backup', backups }, () =>
      copySystem(context, system, { what, backups }),
    );
  }
  if (what.kind === 'backup' && !isFound)
    throw new WalvaultError('not-found', `${from.store.url}: there is no backup ${what.id}`, {
      hint: '`walvault list backups` shows those that are there.',
    });
  const { copied, identical, conflicts, failures, backups } = report;
  return { from: from.name, to: to.name, isDryRun, copied, identical, conflicts, failures, backups };
}

/** Anybody who can add records can add very many; of more than these only the number is told. */
const mostNamed = 10;

async function chooseBackups(
  { from, what, log, signal }: CopyOptions,
  system: SystemPath,
): Promise<BackupRecord[]> {
  const { backups, unreadable } = await readCatalog(from, system, signal);
  const unusable = unreadable.map(({ id, problem }) => ({ id, problem }));
  const records: BackupRecord[] = [];
  for (const { record, verdict } of backups)
    if (isBelieved(verdict, from.codec.policy)) records.push(record);
    else unusable.push({ id: record.id, problem: describeVerdict(verdict) });
  for (const { id, problem } of unusable.slice(0, mostNamed))
    log.emit({ kind: 'backup-record-unusable', backup: id, problem });
  const passedOver = new PassedOverObjects();
  for (const { id, problem } of unusable) passedOver.add('records', commitRecordKey(system, id), problem);
  if (unusable.length > mostNamed) passedOver.tell(from);
  if (what.kind !== 'backup') return records;
  return withParents(what.id, new Map(records.map(record => [record.id, record])));
}

async function copySystem(
  context: CopyContext,
  system: SystemPath,
  { what, backups }: Pick<CopyOptions, 'what'> & { readonly backups: readonly BackupRecord[] },
): Promise<void> {
  await copyClusterRecord(context, system);
  await copyTree(context, timelinesPrefix(system));
  if (what.kind !== 'backup') await copyTree(context, walPrefix(system));
  for (const record of backups) {
    if (what.kind === 'backup') await copyNeededWal(context, system, record);
    const copied = await copyBackup(context, system, record);
    context.report.backups.push(copied);
    if (copied.outcome === 'held-back')
      context.log.emit({ kind: 'backup-held-back', backup: record.id, reason: copied.reason });
  }
  if (what.kind === 'backup') {
    for (const { id } of backups) await copyNotes(context, notesPrefix(system, id), { onWalOnly: false });
    return;
  }
  await copyNotes(context, notesPrefix(system), { onWalOnly: what.kind === 'wal' });
  await copyHighWater(context, system);
}

/**
 * Copies the record, if it can be used: none is needed. What is planted in the target is left for the next push to replace.
 * @throws WalvaultError `conflict` when the target's archive of this system has another segment size
 */
async function copyClusterRecord(context: CopyContext, system: SystemPath): Promise<void> {
  const { from, to, signal } = context;
  const ours = await surveySystem(from, system, signal).clusterRecord();
  if (ours === undefined) return;
  const key = clusterRecordKey(system);
  const theirs = await compareClusterRecord(to, system, ours, signal);
  if (theirs === 'agrees') context.report.addIdentical();
  else if (theirs !== undefined)
    throw new WalvaultError(
      'conflict',
      `${to.store.url}: ${key} says segments of ${theirs.geometry.segmentSizeBytes} bytes, the source has ${ours.geometry.segmentSizeBytes}`,
    );
  else if ((await to.store.head(key, { signal })) === undefined)
    await copyNote(context, key, { mayExist: false });
}

async function copyTree(context: CopyContext, prefix: string): Promise<void> {
  const { from, to, signal } = context;
  const pairs = joinListings(from.store.list({ prefix, signal }), to.store.list({ prefix, signal }));
  await each(pairs, objectsAtOnce, async ({ key, sizeBytes, targetSizeBytes }) => {
    if (!isWalKey(key)) return;
    await copyObject(context, {
      key,
      objectClass: key.endsWith('.history') ? 'catalog' : 'wal',
      mayExist: targetSizeBytes !== undefined,
      sizeBytes,
    });
  });
}

async function copyNeededWal(context: CopyContext, system: SystemPath, record: BackupRecord): Promise<void> {
  const { from, signal } = context;
  await each(neededKeys(system, record), objectsAtOnce, async key => {
    const stat = await from.store.head(key, { signal });
    if (stat === undefined) return;
    await copyObject(context, { key, objectClass: 'wal', mayExist: true, sizeBytes: stat.sizeBytes });
  });
}

async function copyNotes(
  context: CopyContext,
  prefix: string,
  which: { readonly onWalOnly: boolean },
): Promise<void> {
  const { from, to, signal } = context;
  for await (const { key, targetSizeBytes } of joinListings(
    from.store.list({ prefix, signal }),
    to.store.list({ prefix, signal }),
  ))
    if (isCopiedNote(key, which)) await copyNote(context, key, { mayExist: targetSizeBytes !== undefined });
}

/** What shows that WAL existed must show it in the copy, too. */
async function copyHighWater(context: CopyContext, system: SystemPath): Promise<void> {
  const { from, to, signal } = context;
  const survey = surveySystem(from, system, signal);
  const geometry = await survey.geometry();
  if (geometry === undefined) return;
  const theirs = await surveySystem(to, system, signal).highWater(geometry);
  const ours = await survey.highWater(geometry);
  for (const key of tellingHighWater(ours, await survey.removedWal(geometry), theirs))
    await copyNote(context, key, { mayExist: false });
}

/** Copies a note or record after its signature, which says nothing without it. */
async function copyNote(
  context: CopyContext,
  key: string,
  { mayExist }: { readonly mayExist: boolean },
): Promise<void> {
  for (const object of mayExist ? [key] : [signatureKey(key), key]) {
    const stat = await context.from.store.head(object, { signal: context.signal });
    if (stat === undefined) continue;
    const { sizeBytes } = stat;
    await copyObject(context, { key: object, objectClass: 'catalog', mayExist: true, sizeBytes });
  }
}
