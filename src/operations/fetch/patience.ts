/**
 * How long one fetch may last. A promotion makes a row of fetches, one after the other, and `pg_promote` and
 * `pg_ctl promote` wait 60 seconds for all of them. So the limits of a standby are chosen for their sum
 * (docs/time-limits.md, "A promotion").
 */
import { dirname } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';
import { startDeadline, type Deadline } from '../../base/time/deadline.ts';
import { readLocalHistory } from '../../postgres/cluster/local-histories.ts';
import { isPromotionAsked } from '../../postgres/cluster/signal-files.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { FetchOptions } from './options.ts';

type PatienceOptions = Pick<
  FetchOptions,
  'name' | 'destination' | 'mode' | 'timeoutMs' | 'standbyTimeoutMs' | 'signal'
>;

/** Longest wait for a history outside a point-in-time recovery. */
const historyMs = 20_000;

const lookEveryMs = 500;

/** The deadline of one fetch, as long as a promotion does not wait for it. The caller clears it. */
export function startPatience(options: PatienceOptions, file: WalFileName): Deadline {
  const limitMs = patienceMs(options, file);
  const what = `fetch ${options.name}`;
  const { standbyTimeoutMs } = options;
  if (options.mode !== 'standby' || limitMs <= standbyTimeoutMs)
    return startDeadline(limitMs, what, options.signal);
  const promotion = new AbortController();
  const look = () => {
    if (isPromotionAsked(options.destination))
      promotion.abort(
        new WalvaultError('unreachable', `${what}: no answer yet, and a promotion waits`, { retry: true }),
      );
    else timer = setTimeout(look, lookEveryMs);
  };
  let timer = setTimeout(look, standbyTimeoutMs);
  const deadline = startDeadline(limitMs, what, AbortSignal.any([options.signal, promotion.signal]));
  return {
    ...deadline,
    clear() {
      clearTimeout(timer);
      deadline.clear();
    },
  };
}

/**
 * A standby asks for a segment again every few seconds, so it gets an answer soon. A history is the exception: without
 * it, during an outage, a promotion would choose a timeline that exists already. A history in `pg_wal` is no exception:
 * PostgreSQL reads it there when fetch fails (readTimeLineHistory in timeline.c).
 */
export function patienceMs(
  { mode, timeoutMs, standbyTimeoutMs, destination }: PatienceOptions,
  file: WalFileName,
): number {
  if (mode === 'point-in-time') return timeoutMs;
  if (file.kind !== 'history' || hasLocalHistory(dirname(destination), file.timeline))
    return standbyTimeoutMs;
  return Math.min(timeoutMs, historyMs);
}

function hasLocalHistory(walDirectory: string, timeline: number): boolean {
  try {
    const history = readLocalHistory(walDirectory, timeline);
    return history !== undefined && history.length > 0;
  } catch (error) {
    if (error instanceof WalvaultError) return false;
    throw error;
  }
}
