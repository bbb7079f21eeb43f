/**
 * `walvault fetch <name> <destination>`: the restore_command (docs/exit-codes.md lists its exit statuses).
 *
 * `fetch` delivers the file, or proves that it is absent, or throws: PostgreSQL must never take an outage, a hole, a
 * damaged segment or a segment of another system for the end of the archive (P3).
 */
import { dirname } from 'node:path';
import type { Deadline } from '../../base/time/deadline.ts';
import { retryUntilDeadline } from '../../base/time/retry.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { removeHistoryPlaceholder } from '../../postgres/cluster/history-placeholder.ts';
import { RepositoryFailure } from '../../repository/repository.ts';
import { canHaveHistory, parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import { surveySystem } from '../../repository/survey.ts';
import { StoreError } from '../../stores/store.ts';
import { proveForeign, proveKnown, proveUnlisted } from './absence.ts';
import { mayServe } from './branch-rule.ts';
import { deliverFromFirst, keyOf } from './delivery.ts';
import { GapError } from './gap-error.ts';
import { Laggards } from './laggards.ts';
import { findLostHistory } from './lost-history.ts';
import type { FetchOptions } from './options.ts';
import { startPatience } from './patience.ts';
import { deleted, gapError, refuseGap } from './refuse-gap.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { answerUnusable, damageAmong } from './unusable-history.ts';

export type FetchResult =
  | { readonly outcome: 'delivered'; readonly repository: string }
  /** Exit status 1: PostgreSQL may take this for the end of the archive. */
  | { readonly outcome: 'absent' }
  /** A history that is archived and cannot be read, or is lost: a comment takes its place. */
  | { readonly outcome: 'placeholder' };

export async function fetch(options: FetchOptions): Promise<FetchResult> {
  const file = parseWalFileName(options.name);
  if (file === undefined)
    throw new WalvaultError('invalid-file', `${options.name}: not the name of a WAL file`, {
      hint: 'PostgreSQL gives the name where restore_command has %f, as in restore_command = \'exec walvault fetch %f "%p"\'.',
    });
  if (file.kind === 'history' && !canHaveHistory(file.timeline)) return { outcome: 'absent' };
  const deadline = startPatience(options, file);
  const { signal } = deadline;
  const laggards = new Laggards();
  try {
    return await retryUntilDeadline(
      () => attempt({ ...options, signal, deadline, laggards }, file),
      deadline,
      { isRetryable: error => !isForGood(error, options) },
    );
  } catch (error) {
    const isTolerated = options.isTargetSet || options.mode === 'standby';
    if (!isGap(error) || !isTolerated) throw error;
    options.log.emit({ kind: 'gap-tolerated', failure: toPlainError(error) });
    return { outcome: 'absent' };
  } finally {
    deadline.clear();
  }
}

/** True if waiting cannot fix the error. Any other error may be an outage, and fetch retries until the deadline. */
function isForGood(thrown: WalvaultError, options: FetchOptions): boolean {
  const error = causeOf(thrown);
  if (error instanceof GapError) return options.isTargetSet;
  if (error.code === 'local-io') return !(error instanceof StoreError);
  return (
    error.code === 'invalid-file' ||
    error.code === 'key' ||
    error.code === 'config' ||
    error.code === 'refused' ||
    error.code === 'interrupted'
  );
}

function causeOf(error: WalvaultError): WalvaultError {
  return error instanceof RepositoryFailure ? error.failure : error;
}

function isGap(error: unknown): error is WalvaultError {
  return error instanceof WalvaultError && causeOf(error) instanceof GapError;
}

interface Attempt extends FetchOptions {
  readonly deadline: Deadline;
  readonly laggards: Laggards;
}

async function attempt(options: Attempt, file: WalFileName): Promise<FetchResult> {
  if (file.kind === 'segment' && !(await mayServe(options, file))) return { outcome: 'absent' };
  const tried = await deliverFromFirst(options, file);
  if ('repository' in tried) return { outcome: 'delivered', repository: tried.repository.name };
  const { failures, absentIn, deletedIn, foreignIn } = tried;
  const damage = file.kind === 'history' ? damageAmong(failures, file) : undefined;
  if (damage !== undefined) return await answerUnusable(options, file, damage);
  const [failure, ...others] = failures;
  for (const other of others) options.log.emit({ kind: 'repository-failed', failure: toPlainError(other) });
  if (failure !== undefined) throw failure;
  const surveys = absentIn.map(repository => surveySystem(repository, options.system, options.signal));
  for (const survey of surveys) {
    const { repository } = survey;
    if (!repository.required) continue;
    await proveKnown(survey, options.signal);
    const foreign = foreignIn.get(repository);
    const key = keyOf(options, file);
    if (foreign === undefined) await proveUnlisted(survey, key, options.signal);
    else
      await proveForeign(
        survey,
        { file, key, geometry: options.geometry, disbelief: foreign },
        options.signal,
      );
  }
  if (file.kind === 'segment') await refuseGap(options, file, { surveys, deletedIn });
  else if (file.kind === 'history') {
    const loss = await findLostHistory(options, file, { surveys, deletedIn });
    if (loss !== undefined) return await answerUnusable(options, file, loss);
    if (options.mode !== 'none') removeHistoryPlaceholder(dirname(options.destination), file.timeline);
  } else if (deletedIn[0] !== undefined) throw gapError(deletedIn[0], file, deleted);
  return { outcome: 'absent' };
}
