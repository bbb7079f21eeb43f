/** The WAL summaries from the parent to a backup that has begun, as soon as the server has made them. */
import { join } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { sleep } from '../../../base/time/wait.ts';
import { formatLsn } from '../../../postgres/wal/lsn.ts';
import type { ChangedBlocks } from '../../../postgres/wal/summaries/changed-blocks.ts';
import { listWalSummaries, readWalSummaries } from '../../../postgres/wal/summaries/read-summaries.ts';
import {
  selectSummaries,
  type SummarySelection,
  type WalSpan,
} from '../../../postgres/wal/summaries/select-summaries.ts';
import type { WalSummary } from '../../../postgres/wal/summaries/summary-name.ts';
import { distrustOf, type SummarizingServer } from '../../../postgres/wal/summaries/trust.ts';

export interface AwaitSummariesOptions {
  readonly dataDirectory: string;
  readonly server: SummarizingServer;
  /** Called once if some are still to be made. */
  readonly onWait: () => void;
  readonly signal: AbortSignal;
  /** How long nothing may be added; default: as PostgreSQL waits (WaitForWalSummarization in walsummarizer.c). */
  readonly patienceMs?: number;
}

export type SummarizedChanges =
  | { readonly changed: ChangedBlocks; readonly summaryCount: number }
  /** In words that follow "WAL summaries are not used: ". */
  | { readonly reason: string };

const defaultPatienceMs = 60_000;
const pollMs = 100;

/** What cannot be read is a reason, not a failure. */
export async function awaitSummaries(
  span: WalSpan,
  options: AwaitSummariesOptions,
): Promise<SummarizedChanges> {
  const { dataDirectory, server, signal } = options;
  const walDirectory = join(dataDirectory, 'pg_wal');
  try {
    const selection = await awaitSelection(walDirectory, span, options);
    if (selection.kind !== 'complete') return { reason: reasonOf(selection) };
    const reason = distrustOf(server, selection);
    if (reason !== undefined) return { reason };
    const { summaries } = selection;
    return {
      changed: await readWalSummaries(walDirectory, summaries, signal),
      summaryCount: summaries.length,
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WalvaultError)) throw error;
    return { reason: error.message };
  }
}

/** The summarizer lags behind, and more so on a server with little to do: it sleeps up to 30 seconds. */
async function awaitSelection(
  walDirectory: string,
  span: WalSpan,
  { onWait, signal, patienceMs = defaultPatienceMs }: AwaitSummariesOptions,
): Promise<SummarySelection> {
  let mostSummaries = -1;
  let endsAt = 0;
  for (let isFirst = true; ; isFirst = false) {
    const available = await listWalSummaries(walDirectory);
    const selection = selectSummaries(available, span);
    if (!mayBeCompleted(selection, span)) return selection;
    const ahead = available.filter(summary => isNeeded(summary, span)).length;
    if (ahead > mostSummaries) endsAt = performance.now() + patienceMs;
    mostSummaries = Math.max(mostSummaries, ahead);
    if (performance.now() >= endsAt) return selection;
    if (isFirst) onWait();
    await sleep(pollMs, signal);
  }
}

/** Only what is missing at the very end may still come. */
function mayBeCompleted(selection: SummarySelection, { to }: WalSpan): boolean {
  if (selection.kind !== 'missing') return false;
  const { timeline, endLsn } = selection.missing;
  return timeline === to.timeline && endLsn === to.lsn;
}

function isNeeded({ timeline, endLsn }: WalSummary, { from }: WalSpan): boolean {
  return timeline > from.timeline || endLsn > from.lsn;
}

function reasonOf(selection: Exclude<SummarySelection, { kind: 'complete' }>): string {
  if (selection.kind === 'unrelated')
    return 'no WAL leads from the start of the parent to that of this backup';
  const { timeline, startLsn, endLsn } = selection.missing;
  return `there is none from ${formatLsn(startLsn)} to ${formatLsn(endLsn)} on timeline ${timeline}`;
}
