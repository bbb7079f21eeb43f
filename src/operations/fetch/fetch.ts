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
import { readLocalHistories } from '../../postgres/cluster/local-histories.ts';
import type { AcknowledgedGap } from '../../repository/format/notes/gap-acknowledged.ts';
import { RepositoryFailure, type Repository } from '../../repository/repository.ts';
import { canHaveHistory, parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import { surveySystem, type SystemSurvey } from '../../repository/survey.ts';
import { StoreError } from '../../stores/store.ts';
import { findAcknowledgement, findGap, proveAbsent, type Gap } from './absence.ts';
import { mayServe } from './branch-rule.ts';
import { deliverFromFirst, keyOf } from './delivery.ts';
import { GapError } from './gap-error.ts';
import { Laggards } from './laggards.ts';
import { isLocalSegmentWhole } from './local-segment.ts';
import type { FetchOptions } from './options.ts';
import { startPatience } from './patience.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { answerUnusable, damageAmong } from './unusable-history.ts';

export type FetchResult =
  | { readonly outcome: 'delivered'; readonly repository: string }
  /** Exit status 1: PostgreSQL may take this for the end of the archive. */
  | { readonly outcome: 'absent' }
  /** A history that is archived and cannot be read: a comment takes its place. */
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
  const { failures, absentIn, deletedIn } = tried;
  const damage = file.kind === 'history' ? damageAmong(failures) : undefined;
  if (damage !== undefined) return await answerUnusable(options, file, damage);
  const [failure, ...others] = failures;
  for (const other of others) options.log.emit({ kind: 'repository-failed', failure: toPlainError(other) });
  if (failure !== undefined) throw failure;
  const surveys = absentIn.map(repository => surveySystem(repository, options.system, options.signal));
  for (const survey of surveys) {
    if (survey.repository.required) await proveAbsent(survey, keyOf(options, file), options.signal);
  }
  if (file.kind === 'segment') await refuseGap(options, file, { surveys, deletedIn });
  else if (deletedIn[0] !== undefined) throw gapError(deletedIn[0], file, deleted);
  if (file.kind === 'history' && options.mode !== 'none')
    removeHistoryPlaceholder(dirname(options.destination), file.timeline);
  return { outcome: 'absent' };
}

/**
 * @throws GapError for a hole, unless somebody has accepted it, or the whole segment is in `pg_wal`, where PostgreSQL
 *   reads it by itself
 */
async function refuseGap(
  options: FetchOptions,
  file: WalFileName & { kind: 'segment' },
  found: { readonly surveys: readonly SystemSurvey[]; readonly deletedIn: readonly Repository[] },
): Promise<void> {
  const whose = { systemId: options.system.systemId, geometry: options.geometry };
  for (const survey of found.surveys) {
    const { repository } = survey;
    const gap = found.deletedIn.includes(repository) ? deleted : await gapIn(survey, options, file);
    if (gap === undefined) continue;
    if (await isLocalSegmentWhole(dirname(options.destination), file.name, whose, options.signal)) return;
    const accepted = await acknowledgementOf(survey, options, file);
    if (accepted === undefined) throw gapError(repository, file, gap);
    const { user, host, reason, acknowledgedAt } = accepted;
    options.log.emit({
      kind: 'acknowledged-gap-passed',
      file: file.name,
      repository: repository.name,
      user,
      host,
      reason,
      acknowledgedAt: acknowledgedAt.toISOString(),
    });
  }
}

function gapError({ store }: Repository, file: WalFileName, { kind, reason }: Gap): GapError {
  return new GapError(
    'wal-missing',
    `${store.url}: ${file.name} is missing and is not the end of the archive: ${reason}`,
    { hint: gapHints[kind], retry: true },
  );
}

/**
 * The acknowledgement that counts for this recovery. A recovery that follows another timeline would end on the way to
 * it: nobody accepted that.
 */
async function acknowledgementOf(
  survey: SystemSurvey,
  { geometry, timeline }: FetchOptions,
  file: WalFileName & { kind: 'segment' },
): Promise<AcknowledgedGap | undefined> {
  if (timeline !== undefined && timeline !== file.timeline) return undefined;
  return await findAcknowledgement(survey, file, geometry);
}

/** On a versioned bucket, a delete marker proves that the object existed. */
const deleted: Gap = { kind: 'deleted', reason: 'it was deleted from the archive' };

const orAccept = ' If its loss is accepted, `walvault gap ack` lets a recovery end there.';

const gapHints: Readonly<Record<Gap['kind'], string>> = {
  removed: 'Recover from one of the backups that `walvault list` shows: what an older one needs is gone.',
  'given-up': `If a server still has it in pg_wal, run \`walvault push --missing\` there; otherwise restore to a target before it, or from a backup taken after it.${orAccept}`,
  deleted: `The bucket keeps versions: remove the delete marker to have it back.${orAccept}`,
  hole: `If a server still has it in pg_wal, run \`walvault push --missing\` there; otherwise restore to a target before it.${orAccept}`,
};

async function gapIn(
  survey: SystemSurvey,
  options: FetchOptions,
  file: WalFileName & { kind: 'segment' },
): Promise<Gap | undefined> {
  try {
    return await findGap(survey, file, {
      ...options,
      histories: readLocalHistories(dirname(options.destination)),
      isStandby: options.mode === 'standby',
    });
  } catch (error) {
    const { repository } = survey;
    if (repository.required || !(error instanceof WalvaultError)) throw error;
    options.log.emit({
      kind: 'best-effort-failed',
      repository: repository.name,
      failure: toPlainError(error),
    });
    return undefined;
  }
}
