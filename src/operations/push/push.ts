/**
 * `walvault push <path>`: the archive_command (docs/exit-codes.md lists its exit statuses).
 *
 * `push` returns only when the file is durable in every required repository (P1). PostgreSQL repeats a failed
 * archive_command, so each call has a time limit (patience.ts): a push that hangs would block the server's shutdown.
 *
 * The one exception to P1 is `archive.queue-limit`: give-up.ts.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { isServerStopping } from '../../postgres/cluster/postmaster-pid.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import { RepositoryFailure } from '../../repository/repository.ts';
import { isHighWaterMark, noteHighWater } from '../../repository/wal/note-high-water.ts';
import { encodeWalObject, type StoreOutcome, type WalObject } from '../../repository/wal/write-object.ts';
import { deliverLosses, giveUp, readQueue, type Queue, type Undelivered } from './give-up.ts';
import type { PushOptions } from './options.ts';
import { Patience } from './patience.ts';
import { PushMemory } from './push-memory.ts';
import { storeRetrying } from './store-retrying.ts';
import { warnOfUndecidedRaces } from './warn-of-races.ts';
import { readWalSource, type WalSource } from './wal-source.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

export interface PushResult {
  readonly file: WalFileName;
  readonly outcomes: ReadonlyMap<string, StoreOutcome>;
  /** Names of the required repositories that lack the segment: its loss is recorded, and PostgreSQL may remove it. */
  readonly givenUpIn?: readonly string[];
}

/** @throws WalvaultError; exit statuses 1–125 only */
export async function push(options: PushOptions): Promise<PushResult> {
  const { result, source } = await pushInTime(options);
  await noteProgress(options, source, result);
  const mayBeFollowed = options.isMissingRun === true || result.givenUpIn !== undefined;
  if (!mayBeFollowed && !isServerStopping(source.dataDirectory))
    await deliverLosses(options, source.dataDirectory);
  return result;
}

/** Notes now and then how far the archive reaches, in the repositories that have the segment. */
async function noteProgress(
  { cluster, repositories, asConflict, log, signal }: PushOptions,
  { file, control, dataDirectory }: WalSource,
  { outcomes }: PushResult,
): Promise<void> {
  if (file.kind !== 'segment' || asConflict === true) return;
  const { systemId, geometry } = control;
  const position = geometry.positionOf(file);
  if (!isHighWaterMark(position.segment, geometry) || isServerStopping(dataDirectory)) return;
  const holders = repositories.filter(({ name }) => outcomes.has(name));
  await noteHighWater(holders, position, { system: { cluster, systemId }, geometry, log, signal });
}

async function pushInTime(
  options: PushOptions,
): Promise<{ readonly result: PushResult; readonly source: WalSource }> {
  if (options.isMissingRun !== true) warnOfUndecidedRaces(options.repositories, options.log);
  const memory = options.memory ?? new PushMemory({ isForOneFile: true, repositories: options.repositories });
  const patience = new Patience(options);
  try {
    const { source, encoded } = await readAndEncode(options, memory, patience);
    if (source.isPlaceholder) return { result: await withoutArchiving(options, source, encoded), source };
    const queue = await readQueue(options, source);
    const storing = { source, encoded, proofs: memory.proofs };
    const result = await storeEverywhere(options, storing, { patience, queue });
    if (result.outcomes.size === options.repositories.length) memory.giveBackStored(await encoded);
    return { result, source };
  } finally {
    patience.end();
  }
}

/** PostgreSQL may mark the file as archived: it holds nothing, and its place in the archive is taken. */
async function withoutArchiving(
  { log }: PushOptions,
  { file }: WalSource,
  encoded: Promise<WalObject>,
): Promise<PushResult> {
  await encoded;
  log.emit({ kind: 'placeholder-not-archived', file: file.name });
  return { file, outcomes: new Map() };
}

interface EncodedSource {
  readonly source: WalSource;
  readonly encoded: Promise<WalObject>;
}

/** Resolves when the file is read and matches its name; its encoding may still go on. */
async function readAndEncode(
  options: PushOptions,
  memory: PushMemory,
  patience: Patience,
): Promise<EncodedSource> {
  const [first] = options.repositories;
  if (first === undefined) throw new WalvaultError('config', 'no repository is configured');
  let endTurn = (): void => undefined;
  const mayRead = async () => {
    endTurn = await memory.turns.take();
  };
  const encoding = async (source: WalSource): Promise<WalObject> => {
    const { file, plain, branch, control } = source;
    const { content } = plain;
    const object = await encodeWalObject(first.codec, {
      system: { cluster: options.cluster, systemId: control.systemId },
      file,
      plain: typeof content === 'function' ? { ...plain, content: () => patience.watch(content()) } : plain,
      branch,
      ...(options.asConflict === true && { asConflict: true }),
      buffers: memory.stored,
      mayOverwritePlain: memory.isForOneFile,
    });
    memory.giveBackPlain(plain, object);
    return object;
  };
  try {
    const source = await readWalSource({
      ...options,
      signal: patience.signal,
      buffers: memory.plain,
      mayRead,
    });
    const encoded = encoding(source).finally(() => patience.endEncoding());
    encoded.then(endTurn, endTurn);
    return { source, encoded };
  } catch (error) {
    endTurn();
    throw error;
  }
}

async function storeEverywhere(
  options: PushOptions,
  { source, encoded, proofs }: EncodedSource & Pick<PushMemory, 'proofs'>,
  { patience, queue }: { readonly patience: Patience; readonly queue: Queue | undefined },
): Promise<PushResult> {
  const { file, control } = source;
  const system = { cluster: options.cluster, systemId: control.systemId };
  const results = await Promise.allSettled(
    options.repositories.map(repository =>
      storeRetrying(repository, { system, control, encoded, proofs }, patience.towards(repository, queue)),
    ),
  );
  const { outcomes, undelivered } = judge(options, file, results);
  const [fatal, ...others] = undelivered;
  if (fatal === undefined) {
    options.log.emit({ kind: 'file-archived', file: file.name, repositories: [...outcomes.keys()] });
    return { file, outcomes };
  }
  if (queue !== undefined && (await giveUp(options, source, queue, undelivered)))
    return { file, outcomes, givenUpIn: undelivered.map(({ repository }) => repository.name) };
  for (const other of others) warnOfFailure(options, file, other);
  const { repository, reason } = fatal;
  throw options.repositories.length > 1 && reason instanceof WalvaultError
    ? new RepositoryFailure(repository, reason)
    : reason;
}

/** Judges each repository by itself: a failure in one does not hide the failure or the success of another. */
function judge(
  options: PushOptions,
  file: WalFileName,
  results: readonly PromiseSettledResult<StoreOutcome>[],
): { readonly outcomes: Map<string, StoreOutcome>; readonly undelivered: Undelivered[] } {
  const outcomes = new Map<string, StoreOutcome>();
  const failures: Undelivered[] = [];
  for (const [index, repository] of options.repositories.entries()) {
    const result = results[index];
    if (result?.status === 'fulfilled') outcomes.set(repository.name, result.value);
    else failures.push({ repository, reason: result?.reason });
  }
  for (const [name, outcome] of outcomes) {
    if (outcome === 'kept-beside')
      options.log.emit({ kind: 'content-kept-beside', file: file.name, repository: name });
  }
  for (const failure of failures) if (!failure.repository.required) warnOfFailure(options, file, failure);
  return { outcomes, undelivered: failures.filter(({ repository }) => repository.required) };
}

function warnOfFailure({ log }: PushOptions, file: WalFileName, { repository, reason }: Undelivered): void {
  const { name, required } = repository;
  log.emit({
    kind: 'repository-lacks-file',
    file: file.name,
    repository: name,
    required,
    failure: toPlainError(reason),
  });
}
