/**
 * The answer to PostgreSQL for a history that is archived and cannot be read, or is lost (docs/adr/0008). Junk must not
 * reach the server, which would end with FATAL. But the history is not absent either: a server that ends its recovery
 * asks for histories upwards to find a free number, and could never archive anything under a number that is taken.
 */
import { dirname } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';
import { findDataDirectory } from '../../postgres/cluster/find-data-directory.ts';
import { historyPlaceholder, removeHistoryPlaceholder } from '../../postgres/cluster/history-placeholder.ts';
import { readLocalHistories } from '../../postgres/cluster/local-histories.ts';
import { readPostmasterPid } from '../../postgres/cluster/postmaster-pid.ts';
import type { RecoveryMode } from '../../postgres/cluster/signal-files.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import { walKey } from '../../repository/format/layout.ts';
import { RepositoryFailure, type Repository } from '../../repository/repository.ts';
import { surveySystem } from '../../repository/survey.ts';
import { healHistoryHint, type ArchivedTimelines } from '../../repository/wal/timelines.ts';
import { deliverWhole } from './destination.ts';
import type { FetchOptions } from './options.ts';

export interface HistoryQuestion {
  readonly timeline: number;
  readonly mode: RecoveryMode;
  /** The value of `--timeline`. */
  readonly pinned: number | undefined;
  /** The timelines that the server has reached, by its `pg_control`. */
  readonly reached: readonly number[];
  /** True if `pg_wal` has the history, and it can be read. */
  readonly hasOwnCopy: boolean;
  /** True if the server has begun to replay: it has chosen its timeline. */
  readonly isReplaying: boolean;
  /** True if a newer history that PostgreSQL will ask for can be read. */
  readonly isNewerUsable: boolean;
  /** True if no trusted signer signed it, nor any WAL of its timeline: anybody may have planted it. */
  readonly isForeign: boolean;
}

export type HistoryAnswer =
  /** The number is taken, and nobody follows it. */
  | 'placeholder'
  /** The server goes on without it, or with its own copy in `pg_wal`. */
  | 'absent'
  /** No answer is right: the recovery ends with FATAL, or a person is told. */
  | 'failure';

/**
 * What PostgreSQL does with the answer: it reads only the newest history that it finds (findNewestTimeLine). A server
 * that starts refuses a newest timeline that does not descend from its own. A standby that is replaying passes over such
 * a timeline, and asks again. A point-in-time recovery looks for the newest timeline when it starts, unless it is pinned,
 * and for a free number at its end.
 */
export function answerFor(question: HistoryQuestion): HistoryAnswer {
  const { timeline, mode, pinned, reached, isReplaying, isNewerUsable } = question;
  if (mode === 'none') return 'failure';
  // PostgreSQL reads its own copy where the archive has none.
  if (question.hasOwnCopy) return 'absent';
  const isOwn = reached.some(one => one >= timeline);
  if (mode === 'standby') return !isOwn && (isReplaying || isNewerUsable) ? 'placeholder' : 'absent';
  if (pinned !== undefined) return timeline === pinned ? 'failure' : 'placeholder';
  if (!isOwn && (isReplaying || isNewerUsable)) return 'placeholder';
  return question.isForeign ? 'absent' : 'failure';
}

/**
 * The error for a history that each repository that has it failed to give because it is damaged. Undefined if any failed
 * otherwise.
 */
export function damageAmong(
  failures: readonly WalvaultError[],
  { timeline }: WalFileName,
): WalvaultError | undefined {
  const causes = failures.map(error => (error instanceof RepositoryFailure ? error.failure : error));
  const [cause] = failures;
  if (cause === undefined || !causes.every(({ code }) => code === 'damaged')) return undefined;
  return new WalvaultError('damaged', cause.message, { cause, hint: healHistoryHint(timeline) });
}

/**
 * Answers for a history that is archived and cannot be read, or is lost.
 * @throws `problem`; StoreError when a listing fails
 */
export async function answerUnusable(
  options: FetchOptions,
  file: WalFileName,
  problem: WalvaultError,
): Promise<{ readonly outcome: 'placeholder' | 'absent' }> {
  const { mode, timeline: pinned, log, destination } = options;
  const { timeline } = file;
  const walDirectory = dirname(destination);
  const { isListed, isNewerUsable, isForeign } = await lookAt(options, timeline);
  // A page that answers every GET (a load balancer without its servers) makes no history exist.
  if (problem.code === 'damaged' && !isListed)
    throw new WalvaultError('unreachable', `${walKey(options.system, file)} can be read and is not listed`, {
      retry: true,
    });
  const answer = answerFor({
    timeline,
    mode,
    pinned,
    reached: options.reached.map(place => place.timeline),
    hasOwnCopy: mode !== 'none' && readLocalHistories(walDirectory).has(timeline),
    isReplaying: isReplaying(destination),
    isNewerUsable,
    isForeign,
  });
  if (answer === 'failure') throw problem;
  const { message, hint = '' } = problem;
  log.emit({ kind: 'history-unusable', file: file.name, timeline, problem: message, hint });
  if (answer === 'placeholder') await deliverWhole(destination, Buffer.from(historyPlaceholder));
  else removeHistoryPlaceholder(walDirectory, timeline);
  return { outcome: answer };
}

/** Servers note in `postmaster.pid` when they replay: `ready` with hot standby, `standby` without (pidfile.h). */
function isReplaying(destination: string): boolean {
  const dataDirectory = findDataDirectory({
    workingDirectory: process.cwd(),
    walPath: destination,
    configured: undefined,
  });
  const status = dataDirectory === undefined ? undefined : readPostmasterPid(dataDirectory)?.status;
  return status === 'ready' || status === 'standby';
}

/**
 * What the listings say. PostgreSQL asks upwards until it is told "absent"; below a history that can be read it never is,
 * because that one shows that all numbers below are taken (lost-history.ts).
 */
async function lookAt(
  options: FetchOptions,
  timeline: number,
): Promise<{ readonly isListed: boolean; readonly isNewerUsable: boolean; readonly isForeign: boolean }> {
  let isKnown = false;
  let isForeign = false;
  let isNewerUsable = false;
  for (const repository of options.repositories) {
    const timelines = await listedIn(options, repository);
    if (timelines === undefined) continue;
    const { tree, unusable, foreign } = timelines;
    isKnown ||= tree.has(timeline) || unusable.has(timeline);
    isForeign ||= foreign.has(timeline);
    isNewerUsable ||= [...tree.keys()].some(newer => newer > timeline);
  }
  return { isListed: isKnown || isForeign, isNewerUsable, isForeign: isForeign && !isKnown };
}

async function listedIn(
  { system, signal }: FetchOptions,
  repository: Repository,
): Promise<ArchivedTimelines | undefined> {
  try {
    return await surveySystem(repository, system, signal).timelines();
  } catch (error) {
    if (repository.required || !(error instanceof WalvaultError)) throw error;
    return undefined;
  }
}
