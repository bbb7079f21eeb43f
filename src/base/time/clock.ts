/** A clock that only goes forward, and ages by the system clock, which may be set back. */

/**
 * Milliseconds since an unspecified moment in the past. `performance.now()` would do the same, but Node loads modules
 * for it, which costs each push and fetch a millisecond.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** The clocks of a file system and of this process, read at the same moment, differ by less than this. */
const sameMomentMs = 1000;

/**
 * The age of an event at `timeMs` since the epoch. Infinite for an event in the future: the clock was set back, and to
 * wait for its age would mean to wait until the clock has caught up.
 */
export function ageMs(timeMs: number): number {
  const ms = Date.now() - timeMs;
  return ms < -sameMomentMs ? Infinity : ms;
}
