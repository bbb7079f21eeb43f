/** What a restored server has come to, judged by what can be seen of it. Pure. */
import type { ClusterState } from '../../../postgres/cluster/control-file.ts';

/** What is seen of a server at one moment. */
export interface Seen {
  readonly isRunning: boolean;
  /** The status in `postmaster.pid`: `starting`, `standby`, `ready`, `stopping`. */
  readonly status: string | undefined;
  readonly state: ClusterState;
  /** What a session says; `not-yet`: the server takes none so far; `refused`: it takes none of walvault's. */
  readonly session: SessionFacts | 'not-yet' | 'refused';
}

export interface SessionFacts {
  readonly isInRecovery: boolean;
  readonly isPaused: boolean;
}

/**
 * `following`: a standby that replays on. `unknown`: a consistent server that replays or has paused, and does not say
 * which. `ended`: it stopped before it got there.
 */
export type Outcome = 'promoted' | 'paused' | 'shut-down' | 'following' | 'unknown' | 'ended';

export interface Wanted {
  readonly mode: 'point-in-time' | 'standby';
  readonly targetAction: 'pause' | 'promote' | 'shutdown';
}

/** Undefined: it is still on its way. */
export function outcomeOf(seen: Seen, { mode, targetAction }: Wanted): Outcome | undefined {
  const { isRunning, status, state, session } = seen;
  if (!isRunning) {
    // At the target with `shutdown`, and with `pause` where hot_standby is off, the server stops in good order; without
    // the target it ends by an error, and leaves the state as it was.
    const mayShutDown = mode === 'point-in-time' && targetAction !== 'promote';
    return mayShutDown && state === 'shut-down-in-recovery' ? 'shut-down' : 'ended';
  }
  if (typeof session === 'object') {
    if (!session.isInRecovery) return 'promoted';
    if (mode === 'standby') return 'following';
    return session.isPaused ? 'paused' : undefined;
  }
  if (status === 'ready') return 'promoted';
  if (status !== 'standby') return undefined;
  if (mode === 'standby') return 'following';
  return session === 'refused' ? 'unknown' : undefined;
}
