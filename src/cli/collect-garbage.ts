/** V8 counts the bytes of buffers late: without this the agent holds twice of what it uses. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * @returns a function that frees what nothing refers to any more, in this thread: `all` takes some tens of milliseconds;
 *   `young` one, and leaves what has outlived two such calls
 */
export function garbageCollector(): (what: 'all' | 'young') => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;
  // Code caches made under other flags would be thrown away: those of threads that start later, for example.
  setFlagsFromString('--no-expose-gc');
  return what => (what === 'all' ? collect() : collect({ type: 'minor' }));
}
