/** Time that only goes forward. */

/**
 * Milliseconds since some moment in the past. Like `performance.now()`, for which Node loads modules that cost each push
 * and fetch a millisecond.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
