/**
 * The one kind of time limit: a signal that fires by itself; its reason is a `WalvaultError` that names the limit. Every
 * operation that does I/O takes an `AbortSignal`. docs/time-limits.md lists the limits.
 */
import { WalvaultError } from '../errors/errors.ts';
import { formatDuration } from '../units.ts';
import { monotonicMs } from './clock.ts';

export interface Deadline {
  readonly signal: AbortSignal;
  /** True when the first limit has passed and only progress keeps the deadline open: no new attempt may begin. */
  isProlonged(): boolean;
  /** Reports progress: the limit begins again, perhaps with another length. So it limits the time without progress. */
  restart(limitMs?: number): void;
  /** Time does not count until the next `restart`, and the deadline keeps no process alive. */
  pause(): void;
  /** A deadline with one of `count` equal shares of the time left. Progress prolongs the share and the whole. */
  share(count: number, what: string): Deadline;
  /** Ends the deadline: it no longer fires. Must be called when the work is over. */
  clear(): void;
}

/** A deadline that fires after `limitMs` or with `parent`. */
export function startDeadline(limitMs: number, what: string, parent?: AbortSignal): Deadline {
  const deadline = createDeadline(ms => timeLimitError(what, ms), parent);
  deadline.restart(limitMs);
  return deadline;
}

/** A deadline whose time begins with the first `restart`; until then it fires with `parent` alone. */
export function createDeadline(reasonFor: (limitMs: number) => Error, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const { signal } = controller;
  let limitMs = 0;
  let endsAt = Infinity;
  let firstEndsAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isPaused = false;
  let isOver = false;
  const end = () => {
    isOver = true;
    clearTimeout(timer);
    parent?.removeEventListener('abort', onParent);
  };
  const fire = (reason: unknown) => {
    end();
    controller.abort(reason);
  };
  const onParent = () => fire(parent?.reason);
  if (parent?.aborted) onParent();
  else parent?.addEventListener('abort', onParent, { once: true });
  const deadline: Deadline = {
    signal,
    isProlonged: () => firstEndsAt !== undefined && monotonicMs() >= firstEndsAt,
    restart(newLimitMs = limitMs) {
      if (isOver) return;
      isPaused = false;
      endsAt = monotonicMs() + newLimitMs;
      firstEndsAt ??= endsAt;
      // A body has many chunks, and a new timer costs more than everything else that is done for a chunk.
      if (timer !== undefined && newLimitMs === limitMs) {
        timer.ref().refresh();
        return;
      }
      clearTimeout(timer);
      limitMs = newLimitMs;
      timer = setTimeout(() => {
        if (!isPaused) fire(reasonFor(newLimitMs));
      }, newLimitMs);
    },
    pause() {
      isPaused = true;
      timer?.unref();
    },
    share(count, what) {
      if (count <= 1) return { ...deadline, clear: () => undefined };
      const part = startDeadline(Math.max(0, endsAt - monotonicMs()) / count, what, signal);
      return {
        ...part,
        restart() {
          part.restart();
          deadline.restart();
        },
      };
    },
    clear: end,
  };
  return deadline;
}

/** True if the deadline fired by itself; false after an interruption by the user. */
export function hasTimedOut({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof WalvaultError && reason.retry;
}

export function timeLimitError(what: string, limitMs: number): WalvaultError {
  return new WalvaultError('unreachable', `${what}: no answer within ${formatDuration(limitMs)}`, {
    retry: true,
  });
}
