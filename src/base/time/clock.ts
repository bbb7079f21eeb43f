/** Time that only goes forward, and what to make of the one that may be set back. */

/**
 * Milliseconds since some moment in the past. Like `performance.now()`, for which Node loads modules that cost each push
 * and fetch a millisecond.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Clocks of a file system and of a process read at the same moment differ by less. */
const sameMomentMs = 1000;

/**
 * Of what happened at `timeMs` of the epoch. Infinite for what is yet to come: the clock was set back since, and who waited
 * for such a thing to be old would wait until it has caught up.
 */
export function ageMs(timeMs: number): number {
  const ms = Date.now() - timeMs;
  return ms < -sameMomentMs ? Infinity : ms;
}
