/** SIGKILL at a random moment of a run, and the usual duration of a run. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RunOptions, RunResult } from '../site/run.ts';

/** How a run that was to be killed ended. */
export type KilledRun = { readonly wasKilled: boolean; readonly result: RunResult };

/** The run gets its options from here; it is killed after a time between 0 and a little more than it usually takes. */
export async function killAtRandom(
  start: (options: RunOptions) => Promise<RunResult>,
  usualMs: number,
): Promise<KilledRun> {
  const afterMs = Math.random() * usualMs * 1.1;
  const abort = new AbortController();
  const result = await start({
    onStart: child => void killLater(child, afterMs, abort.signal),
  });
  abort.abort();
  return { wasKilled: result.signal === 'SIGKILL', result };
}

async function killLater(
  child: { kill(signal: NodeJS.Signals): void },
  afterMs: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await delay(afterMs, undefined, { signal });
  } catch {
    return;
  }
  child.kill('SIGKILL');
}

/** Median of how long `run` takes when nobody disturbs it. */
export async function usualDurationMs(run: () => Promise<RunResult>, times = 3): Promise<number> {
  const durations: number[] = [];
  for (let index = 0; index < times; index++) durations.push((await run()).elapsedMs);
  return durations.toSorted((a, b) => a - b)[times >> 1] ?? 0;
}
