import { recoveryModeOf, type RecoveryMode } from '../../postgres/cluster/signal-files.ts';

export interface Patience {
  readonly timeoutMs: number;
  readonly standbyTimeoutMs: number;
}

/** How long a recovery waits for a segment of which nothing comes. */
export function patienceMs(mode: RecoveryMode, { timeoutMs, standbyTimeoutMs }: Patience): number {
  return mode === 'standby' ? standbyTimeoutMs : timeoutMs;
}

/** Of the recovery in this data directory. */
export function patienceInMs(dataDirectory: string, patience: Patience): number {
  return patienceMs(recoveryModeOf(dataDirectory), patience);
}
