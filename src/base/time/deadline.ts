/**
 * The one kind of limit: a signal that fires by itself, with a `WalvaultError` that names the limit as its reason. Every
 * operation that does I/O takes an `AbortSignal`. docs/time-limits.md says which limit bounds what.
 */
import { WalvaultError } from '../errors/errors.ts';
import { formatDuration } from '../units.ts';
import { monotonicMs } from './clock.ts';

export interface Deadline {
  readonly signal: AbortSignal;
  /** The first time, before any progress, is over: an attempt under way may go on, another one may not begin. */
  isProlonged(): boolean;
  /** Progress: the time begins anew, perhaps with another limit, so that it limits the time without progress. */
  restart(limitMs?: number): void;
  /** Time does not count until the next `restart`, and the deadline keeps no process alive. */
  pause(): void;
  /** A part of the time left, so that each of `count` gets its turn. Progress prolongs the share and the whole. */
  share(count: number, what: string): Deadline;
  /** Ends the deadline: it fires no more. To be called when the work is over. */
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
      // A body has many pieces, and a new timer costs more than all else that is done for one.
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

/** True for a deadline that fired by itself, unlike an interruption by the user. */
export function hasTimedOut({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof WalvaultError && reason.retry;
}

export function timeLimitError(what: string, limitMs: number): WalvaultError {
  return new WalvaultError('unreachable', `${what}: no answer within ${formatDuration(limitMs)}`, {
    retry: true,
  });
}
