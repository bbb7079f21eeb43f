/**
 * `walvault fetch <name> <destination>`: the restore_command (docs/exit-codes.md has its statuses).
 *
 * Either the file is delivered, or it is proven absent, or this throws: PostgreSQL must never take an outage, a hole,
 * a damaged or a foreign segment for the end of the archive (P3).
 */
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { retryUntilDeadline, startDeadline } from '../../base/abort.ts';
import { localIoError, systemCode, WalvaultError } from '../../base/errors.ts';
import { warn, type Log } from '../../base/log.ts';
import type { RecoveryMode } from '../../postgres/cluster/signal-files.ts';
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import { checkSegment } from '../../postgres/wal/segment-check.ts';
import { partialPrefix, walKey, type SystemPath } from '../../repository/layout.ts';
import { RepositoryFailure, type Repository } from '../../repository/repository.ts';
import { listPartials } from '../../repository/wal-listing.ts';
import { openWalObject } from '../../repository/wal-reader.ts';
import { isStoreError, StoreError } from '../../stores/store.ts';
import { findGap, ownCopyName, proveAbsent, type Gap } from './absence.ts';
import { deliver, type ReceivedFile } from './destination.ts';
import { followedTimeline } from './followed.ts';
import { judgeBranch } from './plan.ts';

export interface FetchOptions {
  /** `%f` */
  readonly name: string;
  /** `%p`, relative to the working directory. */
  readonly destination: string;
  readonly system: SystemPath;
  readonly segmentSizeBytes: number;
  readonly mode: RecoveryMode;
  /** The timeline that the recovery follows, where restore has written it into restore_command. */
  readonly timeline: number | undefined;
  /** The recovery has a target: PostgreSQL itself refuses to end before it, so a hole may be answered with 1. */
  readonly isTargetSet: boolean;
  readonly repositories: readonly Repository[];
  readonly headerCheck: boolean;
  readonly timeoutMs: number;
  readonly standbyTimeoutMs: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export type FetchResult =
  | { readonly outcome: 'delivered'; readonly repository: string }
  /** Status 1: PostgreSQL may take this for the end of the archive. */
  | { readonly outcome: 'absent' };

export async function fetch(options: FetchOptions): Promise<FetchResult> {
  const file = parseWalFileName(options.name);
  if (file === undefined)
    throw new WalvaultError('invalid-file', `${options.name}: not the name of a WAL file`, {
      hint: 'PostgreSQL gives the name where restore_command has %f, as in restore_command = \'walvault fetch %f "%p"\'.',
    });
  const timeoutMs = patienceMs(options, file);
  const deadline = startDeadline(timeoutMs, `fetch ${options.name}`, options.signal);
  const { signal } = deadline;
  // A large segment over a slow line takes longer than anybody's patience with silence: what arrives prolongs the
  // attempt it arrives in. It does not prolong the retries, else a damaged object would be read for ever.
  const lastRetryAt = performance.now() + timeoutMs;
  const onReceived = () => deadline.restart();
  try {
    return await retryUntilDeadline(() => attempt({ ...options, signal, onReceived }, file), {
      signal,
      isRetryable: error =>
        error instanceof WalvaultError && !isForGood(error, options) && performance.now() < lastRetryAt,
    });
  } catch (error) {
    const isTolerated = options.isTargetSet || options.mode === 'standby';
    if (!isGap(error) || !isTolerated) throw error;
    options.log.event({ level: 'error', message: error.message, hint: error.hint });
    return { outcome: 'absent' };
  } finally {
    deadline.clear();
  }
}

/**
 * A standby asks again every few seconds, so it is answered soon. A history that stays away during an outage would
 * let a promotion take a timeline that is taken already, so for that even a standby waits.
 */
function patienceMs({ mode, timeoutMs, standbyTimeoutMs }: FetchOptions, file: WalFileName): number {
  return mode === 'point-in-time' || file.kind === 'history' ? timeoutMs : standbyTimeoutMs;
}

/** What waiting cannot mend. Everything else may be an outage and is tried again until the deadline. */
function isForGood(thrown: WalvaultError, options: FetchOptions): boolean {
  const error = causeOf(thrown);
  if (error instanceof GapError) return options.isTargetSet;
  if (error.code === 'local-io') return !(error instanceof StoreError);
  return (
    error.code === 'invalid-file' ||
    error.code === 'key' ||
    error.code === 'config' ||
    error.code === 'interrupted'
  );
}

function causeOf(error: WalvaultError): WalvaultError {
  return error instanceof RepositoryFailure ? error.failure : error;
}

function isGap(error: unknown): error is WalvaultError {
  return error instanceof WalvaultError && causeOf(error) instanceof GapError;
}

class GapError extends WalvaultError {}

interface Attempt extends FetchOptions {
  onReceived(): void;
}

async function attempt(options: Attempt, file: WalFileName): Promise<FetchResult> {
  if (file.kind === 'segment' && (await isOffBranch(options, file))) return { outcome: 'absent' };
  const failures: WalvaultError[] = [];
  const failed = (repository: Repository, error: WalvaultError) =>
    failures.push(options.repositories.length > 1 ? new RepositoryFailure(repository, error) : error);
  const absentIn: Repository[] = [];
  for (const repository of options.repositories) {
    try {
      await deliverFrom(repository, options, file);
      return { outcome: 'delivered', repository: repository.name };
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof WalvaultError)) throw error;
      if (isStoreError(error, 'absent') && !error.hasDeleteMarker) absentIn.push(repository);
      else if (isStoreError(error, 'absent')) failed(repository, deletedError(repository, file));
      else if (countsAsFailure(repository, error)) failed(repository, error);
      else warn(options.log, `best-effort repository "${repository.name}": ${error.message}`, error.hint);
    }
  }
  const [failure, ...others] = failures;
  for (const other of others) warn(options.log, other.message, other.hint);
  if (failure !== undefined) throw failure;
  for (const repository of absentIn) {
    if (repository.required)
      await proveAbsent(repository, options.system, keyOf(options, file), options.signal);
  }
  if (file.kind === 'segment') await refuseGap(options, file, absentIn);
  return { outcome: 'absent' };
}

/** On a versioned bucket a delete marker says that the object existed: it is a hole, whoever made it. */
function deletedError(repository: Repository, file: WalFileName): GapError {
  return new GapError('wal-missing', `${repository.store.url}: ${file.name} was deleted from the archive`, {
    hint: 'The bucket keeps versions: remove the delete marker to have it back.',
    retry: true,
  });
}

/** A best-effort repository may be out of reach, but what it has and cannot give proves that the file existed. */
function countsAsFailure(repository: Repository, error: WalvaultError): boolean {
  return (
    repository.required || ['damaged', 'key', 'invalid-file', 'cold-tier', 'local-io'].includes(error.code)
  );
}

async function deliverFrom(repository: Repository, options: Attempt, file: WalFileName): Promise<void> {
  const key = file.kind === 'partial' ? await newestPartial(repository, options, file) : keyOf(options, file);
  const { plain } = await openWalObject(repository, key, options.signal, options.onReceived);
  await deliver(options.destination, plain, received =>
    refuseWrongFile(options, file, received, `${repository.store.url}: ${key}`),
  );
}

function keyOf({ system }: FetchOptions, file: WalFileName): string {
  return file.kind === 'partial' ? partialPrefix(system, file) : walKey(system, file);
}

/** By hand only: PostgreSQL never asks for a partial. */
async function newestPartial(
  repository: Repository,
  options: FetchOptions,
  file: WalFileName & { kind: 'partial' },
): Promise<string> {
  const prefix = partialPrefix(options.system, file);
  const found = await listPartials(repository, prefix, options.signal);
  const newest = found.sort((a, b) => b.modified.getTime() - a.modified.getTime())[0];
  return newest?.key ?? prefix.slice(0, -1);
}

function refuseWrongFile(
  options: FetchOptions,
  file: WalFileName,
  received: ReceivedFile,
  source: string,
): void {
  if (file.kind !== 'segment' && file.kind !== 'partial') return;
  const { system, segmentSizeBytes } = options;
  const { sizeBytes, head } = received;
  const { problems } = checkSegment({
    file,
    sizeBytes,
    firstPage: head,
    systemId: system.systemId,
    segmentSizeBytes,
  });
  const counted = options.headerCheck
    ? problems
    : sizeBytes === segmentSizeBytes
      ? []
      : [`it has ${sizeBytes} bytes, a segment has ${segmentSizeBytes}`];
  if (counted.length > 0) throw new WalvaultError('invalid-file', `${source}: ${counted.join('; ')}`);
}

/** True: answer "absent", because only the followed timeline's WAL may come next. */
async function isOffBranch(options: FetchOptions, file: WalFileName & { kind: 'segment' }): Promise<boolean> {
  const { segmentSizeBytes } = options;
  const followed = await followedTimeline(options, file.timeline);
  const verdict = judgeBranch(file, followed, segmentSizeBytes);
  if (verdict === 'on-branch' || followed === undefined) return false;
  if (verdict === 'past-switchpoint' || (await hasValidLocalCopy(options, file))) return true;
  const own = ownCopyName(followed.timeline, file, segmentSizeBytes);
  if (!(await isArchived(options, own))) {
    throw new GapError(
      'wal-missing',
      `${file.name} holds the end of timeline ${file.timeline} and more; the recovery follows timeline ${followed.timeline}, whose own copy ${own} is not archived`,
      {
        hint: `Archive ${own} (\`walvault push --missing\` on the server that has it), or restore with --target-timeline ${file.timeline}.`,
        retry: true,
      },
    );
  }
  return true;
}

async function isArchived(options: FetchOptions, name: string): Promise<boolean> {
  const file = parseWalFileName(name);
  if (file === undefined) return false;
  for (const { store } of options.repositories) {
    if ((await store.head(keyOf(options, file), { signal: options.signal })) !== undefined) return true;
  }
  return false;
}

/** @throws GapError unless the segment lies valid in `pg_wal`, where PostgreSQL reads it by itself */
async function refuseGap(
  options: FetchOptions,
  file: WalFileName & { kind: 'segment' },
  repositories: readonly Repository[],
): Promise<void> {
  for (const repository of repositories) {
    const gap = await gapIn(repository, options, file);
    if (gap === undefined) continue;
    if (await hasValidLocalCopy(options, file)) return;
    throw new GapError(
      'wal-missing',
      `${repository.store.url}: ${file.name} is missing and is not the end of the archive: ${gap.reason}`,
      { hint: gapHints[gap.kind], retry: true },
    );
  }
}

const gapHints: Readonly<Record<Gap['kind'], string>> = {
  removed: 'Recover from one of the backups that `walvault list` shows: what an older one needs is gone.',
  'given-up':
    'If a server still has it in pg_wal, run `walvault push --missing` there; otherwise restore to a target before it, or from a backup taken after it.',
  hole: 'If a server still has it in pg_wal, run `walvault push --missing` there; otherwise restore to a target before it.',
};

async function gapIn(
  repository: Repository,
  options: FetchOptions,
  file: WalFileName & { kind: 'segment' },
): Promise<Gap | undefined> {
  try {
    return await findGap(repository, options.system, file, options.segmentSizeBytes, options.signal);
  } catch (error) {
    if (repository.required || !(error instanceof WalvaultError)) throw error;
    warn(options.log, `best-effort repository "${repository.name}": ${error.message}`, error.hint);
    return undefined;
  }
}

async function hasValidLocalCopy(
  options: FetchOptions,
  file: WalFileName & { kind: 'segment' },
): Promise<boolean> {
  const { system, segmentSizeBytes } = options;
  const path = join(dirname(options.destination), file.name);
  try {
    await using handle = await open(path, 'r');
    const { size: sizeBytes } = await handle.stat();
    const firstPage = Buffer.alloc(8192);
    await handle.read(firstPage, 0, firstPage.length, 0);
    return (
      checkSegment({ file, sizeBytes, firstPage, systemId: system.systemId, segmentSizeBytes }).problems
        .length === 0
    );
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw localIoError('read', path, error);
  }
}
