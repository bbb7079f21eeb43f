/**
 * The repair of what a verification found, from the other repositories: what is missing is created; what is damaged is
 * removed only after a good copy was proven elsewhere, and then created anew. Nothing else is touched (P2, P10).
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { segmentsIn, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { Log } from '../../observe/events/events.ts';
import { piecesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import { isPartKey, parseWalKey, pieceKey, walKey, type SystemPath } from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { isStoreError } from '../../stores/store.ts';
import { copyObject, type CopyOutcomes } from '../copy-object.ts';
import type { Finding, Repair, Repairable } from './finding.ts';
import { whyNotGood } from './good-copy.ts';
import { readWal } from './read-wal.ts';
import { readStoredBytes } from './stored-bytes.ts';

export interface RepairContext {
  /** The one to repair. */
  readonly repository: Repository;
  /** Those that may have good copies. */
  readonly others: readonly Repository[];
  readonly system: SystemPath;
  readonly geometry: WalGeometry | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

type ObjectToRepair = Extract<Repairable, { readonly kind: 'object' }>;

/** @returns the findings, those that could be repaired with what the repair has come to */
export async function repair(findings: readonly Finding[], context: RepairContext): Promise<Finding[]> {
  const sources = await usable(context);
  const repaired: Finding[] = [];
  for (const finding of findings) {
    const { repairable } = finding;
    if (repairable === undefined) repaired.push(finding);
    else repaired.push({ ...finding, repair: await repairOne(repairable, { ...context, others: sources }) });
  }
  return repaired;
}

/** Those that are there, and are what the configuration says. */
async function usable({ others, signal }: RepairContext): Promise<Repository[]> {
  const found: Repository[] = [];
  for (const other of others)
    try {
      await verifyMarker(other, signal);
      found.push(other);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WalvaultError)) throw error;
    }
  return found;
}

async function repairOne(repairable: Repairable, context: RepairContext): Promise<Repair> {
  const total = new RepairTotal();
  if (context.others.length === 0) total.add(failed('there is no other repository to copy from'));
  else
    for await (const object of objectsOf(repairable, context)) {
      context.signal.throwIfAborted();
      total.add(await repairObject(object, context));
    }
  return total.result();
}

async function* objectsOf(repairable: Repairable, context: RepairContext): AsyncGenerator<ObjectToRepair> {
  if (repairable.kind === 'object') yield repairable;
  else if (repairable.kind === 'segments') yield* segmentObjects(repairable.range, context);
  else yield* pieceObjects(repairable.record, context);
}

function* segmentObjects(
  range: SegmentRange,
  { system, geometry }: RepairContext,
): Generator<ObjectToRepair> {
  if (geometry === undefined) return;
  for (const { timeline, segment } of segmentsIn([range])) {
    const key = walKey(system, geometry.fileOf(timeline, segment));
    yield { kind: 'object', key, objectClass: 'wal', digest: undefined, state: 'missing' };
  }
}

async function* pieceObjects(
  record: BackupRecord,
  { repository, system, signal }: RepairContext,
): AsyncGenerator<ObjectToRepair> {
  for (const piece of piecesOf(record)) {
    const key = pieceKey(system, record.id, piece);
    const stat = await repository.store.head(key, { signal });
    if (stat?.sizeBytes === piece.storedSizeBytes) continue;
    yield {
      kind: 'object',
      key,
      objectClass: isPartKey(key) ? 'backup' : 'catalog',
      digest: { sha256: piece.storedSha256, sizeBytes: piece.storedSizeBytes },
      state: stat === undefined ? 'missing' : 'changed',
    };
  }
}

async function repairObject(object: ObjectToRepair, context: RepairContext): Promise<Repair> {
  let last = failed('no other repository has it');
  for (const from of context.others) {
    const one = await repairFrom(from, object, context);
    if (one === 'not there') continue;
    if (one.outcome !== 'failed') return one;
    last = one;
  }
  return last;
}

async function repairFrom(
  from: Repository,
  object: ObjectToRepair,
  context: RepairContext,
): Promise<Repair | 'not there'> {
  const { repository: to, signal } = context;
  const { key, objectClass, state } = object;
  try {
    const stat = await from.store.head(key, { signal });
    if (stat === undefined) return 'not there';
    const { digest } = object;
    const { system, geometry } = context;
    const isReplacing = state === 'changed';
    const problem = await whyNotGood(from, { key, digest, isReplacing, system, geometry, signal });
    if (problem !== undefined) return failed(problem, from);
    if (isReplacing) {
      const obstacle = await removeDamaged(object, context);
      if (obstacle !== undefined) return obstacle;
    }
    const outcome = new OneOutcome();
    const { sizeBytes } = stat;
    await copyObject(
      { from, to, isDryRun: false, report: outcome, signal },
      { key, objectClass, digest, mayExist: true, sizeBytes },
    );
    return outcome.problem === undefined
      ? { outcome: 'repaired', from: from.name, problem: undefined }
      : failed(outcome.problem, from);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WalvaultError)) throw error;
    return failed(error.message, from);
  }
}

/** @returns what kept it from being removed; undefined: it is gone */
async function removeDamaged(object: ObjectToRepair, context: RepairContext): Promise<Repair | undefined> {
  const { key } = object;
  const { repository, log, signal } = context;
  try {
    if (!(await isStillDamaged(object, context)))
      return failed('it is what was stored here, and is not removed');
  } catch (error) {
    if (isStoreError(error, 'absent')) return undefined;
    throw error;
  }
  const [failure] = await repository.store.delete([key], { signal });
  if (failure === undefined) {
    log.emit({ kind: 'damaged-object-removed', repository: repository.name, object: key });
    return undefined;
  }
  const { lockedUntil, message } = failure.error;
  if (lockedUntil === undefined) return failed(message);
  const problem = `the store keeps the damaged object until ${lockedUntil.toISOString()}`;
  return { outcome: 'locked', from: undefined, problem };
}

/** Somebody may have repaired it since it was read. Where no digest is recorded, it must be nothing that decodes. */
async function isStillDamaged(
  { key, digest }: ObjectToRepair,
  { repository, system, geometry, signal }: RepairContext,
): Promise<boolean> {
  const { isAsRecorded, recorded, stat } = await readStoredBytes(repository, key, digest, signal);
  if (recorded !== undefined) return !isAsRecorded;
  if (stat.sizeBytes === 0) return true;
  const file = parseWalKey(key)?.file;
  if (file === undefined || geometry === undefined) return false;
  const found = await readWal(repository, { system, geometry, key, file, depth: 'decoded', signal });
  return found.outcome === 'faulty' && found.kind === 'wal-undecodable';
}

function failed(problem: string, from?: Repository): Repair {
  return { outcome: 'failed', from: from?.name, problem };
}

/** What became of the copy of one object. */
class OneOutcome implements CopyOutcomes {
  problem: string | undefined;

  addCopied(): void {
    this.problem = undefined;
  }

  addIdentical(): void {
    this.problem = undefined;
  }

  addConflict(_key: string, problem: string): void {
    this.problem = problem;
  }

  addFailure(_key: string, problem: string): void {
    this.problem = problem;
  }
}

/** The repairs of all objects of a finding, as one. */
class RepairTotal {
  #good = 0;
  #from: string | undefined;
  #bad: Repair | undefined;

  add(one: Repair): void {
    if (one.outcome === 'repaired') {
      this.#good++;
      this.#from = one.from;
    } else this.#bad ??= one;
  }

  result(): Repair {
    if (this.#bad === undefined) return { outcome: 'repaired', from: this.#from, problem: undefined };
    if (this.#good === 0) return this.#bad;
    return { outcome: 'partly', from: this.#from, problem: this.#bad.problem };
  }
}
