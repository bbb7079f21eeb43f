/** The delivery of this host's loss records to the repositories, as notes. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import { WalGeometry } from '../../postgres/wal/geometry.ts';
import { describe, join, oneSegment } from '../../postgres/wal/segment-range.ts';
import type { SystemPath } from '../format/layout.ts';
import { verifyMarker } from '../format/marker.ts';
import { writeNote } from '../format/notes/note.ts';
import type { Repository } from '../repository.ts';
import { findUnarchived } from './unarchived.ts';
import { readLossRecords, removeLossRecords, type LossRecord } from './loss-records.ts';
import { lostWalNote, type LostWal } from '../format/notes/lost-wal.ts';
import { surveySystem } from '../survey.ts';
import { describeLoss, stillMissing } from './lost-wal.ts';
import type { Log } from '../../observe/events/events.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

export interface LossDelivery {
  readonly dataDirectory: string;
  readonly cluster: string;
  readonly repositories: readonly Repository[];
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Writes a note for each loss that a repository lacks and does not know yet. The records are removed only when every
 * required repository has its notes; until then a later push, backup or check delivers them again, without a second
 * note. A repository that fails causes a warning, not an error.
 * @returns how many records are still on this host
 * @throws WalvaultError `local-io`
 */
export async function deliverLossRecords(delivery: LossDelivery): Promise<number> {
  const { dataDirectory, repositories, log, signal } = delivery;
  const records = await readLossRecords(dataDirectory, log);
  if (records.length === 0) return 0;
  let isDelivered = true;
  for (const repository of repositories) {
    try {
      await deliverTo(repository, delivery, records);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WalvaultError)) throw error;
      if (repository.required) isDelivered = false;
      log.emit({ kind: 'loss-not-noted', repository: repository.name, failure: toPlainError(error) });
    }
  }
  if (!isDelivered) return records.length;
  await removeLossRecords(dataDirectory, records);
  return 0;
}

async function deliverTo(
  repository: Repository,
  { cluster, log, signal }: LossDelivery,
  records: readonly LossRecord[],
): Promise<void> {
  await verifyMarker(repository, signal);
  for (const { systemId, geometry, losses } of foldRecords(records)) {
    const system = { cluster, systemId };
    const known = await surveySystem(repository, system, signal).lostWal(geometry);
    for (const lost of losses) {
      for (const missing of await missingOf(repository, system, lost, { known, geometry, signal })) {
        await writeNote(repository, system, lostWalNote(missing, geometry), signal);
        const description = `${describe(missing, geometry)} was ${describeLoss(missing)}`;
        log.emit({ kind: 'loss-noted', repository: repository.name, description });
      }
    }
  }
}

interface Looking {
  readonly known: readonly LostWal[];
  readonly geometry: WalGeometry;
  readonly signal: AbortSignal;
}

async function missingOf(
  repository: Repository,
  system: SystemPath,
  lost: LostWal,
  { known, geometry, signal }: Looking,
): Promise<LostWal[]> {
  const unarchived = await findUnarchived(repository, system, lost, { geometry, signal });
  const missing = unarchived.map(({ first, last }) => ({ ...lost, first, last }));
  // An earlier run that died may have written a note already.
  return stillMissing(missing, known);
}

export interface RecordedLosses {
  readonly systemId: bigint;
  readonly geometry: WalGeometry;
  readonly losses: readonly LostWal[];
}

/** Joins the records of consecutive segments that one host gave up into one loss, by system. Pure. */
export function foldRecords(records: readonly LossRecord[]): RecordedLosses[] {
  const systems = new Map<string, { systemId: bigint; geometry: WalGeometry; losses: LostWal[] }>();
  for (const record of records) {
    const { systemId, segmentSizeBytes, host, backlogBytes, limitBytes, reason, time } = record;
    const id = `${systemId} ${segmentSizeBytes}`;
    const system = systems.get(id) ?? { systemId, geometry: new WalGeometry(segmentSizeBytes), losses: [] };
    systems.set(id, system);
    const file = parseWalFileName(record.segment);
    if (file?.kind !== 'segment') continue;
    const range = oneSegment(system.geometry.positionOf(file));
    const lost = { ...range, lostFrom: time, lostTo: time, host, backlogBytes, limitBytes, reason };
    join(system.losses, lost, merged);
  }
  return [...systems.values()];
}

/** Joins two losses that follow each other; undefined if they come from different hosts. */
function merged(before: LostWal, next: LostWal): LostWal | undefined {
  if (before.host !== next.host) return undefined;
  return {
    ...before,
    lostFrom: next.lostFrom < before.lostFrom ? next.lostFrom : before.lostFrom,
    lostTo: next.lostTo > before.lostTo ? next.lostTo : before.lostTo,
    backlogBytes: Math.max(before.backlogBytes, next.backlogBytes),
    limitBytes: next.limitBytes,
  };
}
