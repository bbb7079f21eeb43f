/** Moves the losses recorded on this host into the repositories, as notes. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseWalFileName, segmentNumber } from '../../postgres/wal/file-name.ts';
import type { SystemPath } from '../format/layout.ts';
import { verifyMarker } from '../format/marker.ts';
import { writeNote } from '../format/notes/note.ts';
import type { Repository } from '../repository.ts';
import { findMissingSegments } from './listing.ts';
import { readLossRecords, removeLossRecords, type LossRecord } from './loss-records.ts';
import { lostWalNote, type LostWal } from '../format/notes/lost-wal.ts';
import { surveySystem } from '../survey.ts';
import { describeLoss, describeLostRange, stillMissing } from './lost-wal.ts';
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
 * Writes what each repository lacks and does not know of yet. The records are removed only when every required
 * repository has its notes; those with a later push, backup or check are delivered again, without a second note.
 * A repository that fails is warned about, nothing is thrown for it.
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
  for (const { systemId, segmentSizeBytes, losses } of foldRecords(records)) {
    const system = { cluster, systemId };
    const known = await surveySystem(repository, system, signal).lostWal(segmentSizeBytes);
    for (const lost of losses) {
      for (const missing of await missingOf(repository, system, lost, { known, segmentSizeBytes, signal })) {
        await writeNote(repository, system, lostWalNote(missing, segmentSizeBytes), signal);
        const description = `${describeLostRange(missing, segmentSizeBytes)} was ${describeLoss(missing)}`;
        log.emit({ kind: 'loss-noted', repository: repository.name, description });
      }
    }
  }
}

interface Looking {
  readonly known: readonly LostWal[];
  readonly segmentSizeBytes: number;
  readonly signal: AbortSignal;
}

async function missingOf(
  repository: Repository,
  system: SystemPath,
  lost: LostWal,
  { known, segmentSizeBytes, signal }: Looking,
): Promise<LostWal[]> {
  const range = { ...lost, segmentSizeBytes, limit: Number.MAX_SAFE_INTEGER };
  const names = await findMissingSegments(repository, system, range, signal);
  const pieces: LostWal[] = [];
  for (const name of names) {
    const file = parseWalFileName(name);
    if (file?.kind === 'segment') extend(pieces, { ...lost, ...positionOf(file, segmentSizeBytes) });
  }
  // A note written before a run that died says it already.
  return stillMissing(pieces, known.map(asRun));
}

function asRun({ timeline, first, last, lostTo }: LostWal) {
  return { timeline, first, last, storedBytes: 0, lastModified: lostTo };
}

export interface RecordedLosses {
  readonly systemId: bigint;
  readonly segmentSizeBytes: number;
  readonly losses: readonly LostWal[];
}

/** One loss for consecutive segments that one host gave up; by system. Pure. */
export function foldRecords(records: readonly LossRecord[]): RecordedLosses[] {
  const systems = new Map<string, { systemId: bigint; segmentSizeBytes: number; losses: LostWal[] }>();
  for (const record of records) {
    const { systemId, segmentSizeBytes } = record;
    const id = `${systemId} ${segmentSizeBytes}`;
    const system = systems.get(id) ?? { systemId, segmentSizeBytes, losses: [] };
    systems.set(id, system);
    const file = parseWalFileName(record.segment);
    if (file?.kind !== 'segment') continue;
    const { host, backlogBytes, limitBytes, reason, time } = record;
    const position = positionOf(file, segmentSizeBytes);
    extend(system.losses, {
      ...position,
      lostFrom: time,
      lostTo: time,
      host,
      backlogBytes,
      limitBytes,
      reason,
    });
  }
  return [...systems.values()];
}

function positionOf(
  file: { readonly timeline: number; readonly log: number; readonly seg: number },
  segmentSizeBytes: number,
): Pick<LostWal, 'timeline' | 'first' | 'last'> {
  const segment = segmentNumber(file, segmentSizeBytes);
  return { timeline: file.timeline, first: segment, last: segment };
}

/** Joins `next` to the last one if it follows it and comes from the same host. */
function extend(losses: LostWal[], next: LostWal): void {
  const before = losses.at(-1);
  if (
    before === undefined ||
    before.timeline !== next.timeline ||
    before.last + 1n !== next.first ||
    before.host !== next.host
  ) {
    losses.push(next);
    return;
  }
  losses[losses.length - 1] = {
    ...before,
    last: next.last,
    lostFrom: next.lostFrom < before.lostFrom ? next.lostFrom : before.lostFrom,
    lostTo: next.lostTo > before.lostTo ? next.lostTo : before.lostTo,
    backlogBytes: Math.max(before.backlogBytes, next.backlogBytes),
    limitBytes: next.limitBytes,
  };
}
