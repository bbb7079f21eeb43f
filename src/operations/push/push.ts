/**
 * `walvault push <path>`: the archive_command (docs/exit-codes.md has its statuses).
 *
 * Returns only when the file is durable in every required repository (P1). PostgreSQL repeats a failed archive_command
 * by itself, so one call is bounded by one deadline: a push that hangs would block the server's shutdown. A large
 * segment on its way does not hang: each piece of it that is taken prolongs the attempt, never the retries.
 */
import { messageOf, WalvaultError } from '../../base/errors.ts';
import { retryUntilDeadline, startDeadline } from '../../base/abort.ts';
import { tap } from '../../base/bytes.ts';
import { warn, type Log } from '../../base/log.ts';
import type { ControlFile } from '../../postgres/cluster/control-file.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import { ensureClusterRecord } from '../../repository/cluster-record.ts';
import type { SystemPath } from '../../repository/layout.ts';
import { verifyMarker } from '../../repository/marker.ts';
import { RepositoryFailure, type Repository } from '../../repository/repository.ts';
import {
  encodeWalObject,
  storeWalObject,
  type StoreOutcome,
  type WalObject,
} from '../../repository/wal-writer.ts';
import { warnOfUndecidedRaces } from './warn-of-races.ts';
import { readWalSource, type WalSource } from './wal-source.ts';

export interface PushOptions {
  /** `%p`, relative to the working directory. */
  readonly path: string;
  readonly cluster: string;
  readonly dataDirectory: string | undefined;
  readonly repositories: readonly Repository[];
  readonly headerCheck: boolean;
  readonly timeoutMs: number;
  readonly isMissingRun?: boolean;
  /** Store the file beside an archived one of other content (`conflict keep`). */
  readonly asConflict?: boolean;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface PushResult {
  readonly file: WalFileName;
  readonly outcomes: ReadonlyMap<string, StoreOutcome>;
}

/** @throws WalvaultError; exit statuses 1–125 only */
export async function push(options: PushOptions): Promise<PushResult> {
  if (options.isMissingRun !== true) warnOfUndecidedRaces(options.repositories, options.log);
  const deadline = startDeadline(options.timeoutMs, `push ${options.path}`, options.signal);
  const { signal } = deadline;
  const lastRetryAt = performance.now() + options.timeoutMs;
  try {
    const source = await readWalSource({ ...options, signal });
    const open = () => tap(source.plain.open(), () => deadline.restart());
    const plain = { ...source.plain, open };
    return await storeEverywhere(options, { ...source, plain }, { signal, lastRetryAt });
  } finally {
    deadline.clear();
  }
}

interface TimeLimit {
  readonly signal: AbortSignal;
  /** By the clock of `performance.now()`. */
  readonly lastRetryAt: number;
}

async function storeEverywhere(
  options: PushOptions,
  source: WalSource,
  { signal, lastRetryAt }: TimeLimit,
): Promise<PushResult> {
  const [first] = options.repositories;
  if (first === undefined) throw new WalvaultError('config', 'no repository is configured');
  const { file, plain, branch, control } = source;
  const system = { cluster: options.cluster, systemId: control.systemId };
  const encoded = encodeWalObject(first.codec, {
    system,
    file,
    plain,
    branch,
    ...(options.asConflict === true && { asConflict: true }),
  });
  const results = await Promise.allSettled(
    options.repositories.map(repository =>
      retryUntilDeadline(() => storeInto(repository, { system, control, encoded }, signal), {
        signal,
        isRetryable: error =>
          error instanceof WalvaultError && error.retry && performance.now() < lastRetryAt,
      }),
    ),
  );
  return { file, outcomes: judge(options, file, results) };
}

interface Storing {
  readonly system: SystemPath;
  readonly control: ControlFile;
  readonly encoded: Promise<WalObject>;
}

async function storeInto(
  repository: Repository,
  { system, control, encoded }: Storing,
  signal: AbortSignal,
): Promise<StoreOutcome> {
  // The two small reads travel while the segment is being compressed.
  const prepare = async () => {
    await verifyMarker(repository, signal);
    await ensureClusterRecord(repository.store, system, control, signal);
  };
  const [object] = await Promise.all([encoded, prepare()]);
  return storeWalObject(repository, object, signal);
}

/** One failure never hides behind another's success, nor stops the others from receiving the file. */
function judge(
  options: PushOptions,
  file: WalFileName,
  results: readonly PromiseSettledResult<StoreOutcome>[],
): Map<string, StoreOutcome> {
  const outcomes = new Map<string, StoreOutcome>();
  const failures: { repository: Repository; reason: unknown }[] = [];
  for (const [index, repository] of options.repositories.entries()) {
    const result = results[index];
    if (result?.status === 'fulfilled') outcomes.set(repository.name, result.value);
    else failures.push({ repository, reason: result?.reason });
  }
  for (const [name, outcome] of outcomes) {
    if (outcome === 'kept-beside')
      warn(
        options.log,
        `${file.name}: repository "${name}" keeps this content beside another one of the same name`,
      );
  }
  const [fatal, ...others] = failures.filter(({ repository }) => repository.required);
  const tolerated = failures.filter(({ repository }) => !repository.required);
  for (const { repository, reason } of [...others, ...tolerated]) {
    const hint = reason instanceof WalvaultError ? reason.hint : undefined;
    warn(
      options.log,
      `${file.name}: ${repository.required ? '' : 'best-effort '}repository "${repository.name}": ${messageOf(reason)}`,
      hint,
    );
  }
  if (fatal !== undefined)
    throw options.repositories.length > 1 && fatal.reason instanceof WalvaultError
      ? new RepositoryFailure(fatal.repository, fatal.reason)
      : fatal.reason;
  return outcomes;
}
