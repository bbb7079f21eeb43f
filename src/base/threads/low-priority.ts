/** The lowest priority for this process. */
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/**
 * Gives every thread of this process the lowest priority for processors; threads that start later inherit it. On Linux the
 * priority belongs to a thread (setpriority(2), BUGS). Where no other is set, Linux derives the priority for disks from it
 * (ioprio_set(2)): the lowest of the class "best effort", which counts with a scheduler such as bfq. The class "idle" can
 * only be had from outside, as by `ionice -c 3`.
 */
export function lowerPriority(): void {
  for (const thread of threadIds()) {
    try {
      setPriority(thread, constants.priority.PRIORITY_LOW);
    } catch (error) {
      // It has ended meanwhile. Nobody is forbidden to lower the priority of his own threads.
      if (!isGone(error)) throw error;
    }
  }
}

/** Errors of `node:os` have the system's code inside. */
function isGone(error: unknown): boolean {
  return (error as { readonly info?: { readonly code?: string } }).info?.code === 'ESRCH';
}

function threadIds(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    // No Linux: the process has one priority.
    return [process.pid];
  }
}
