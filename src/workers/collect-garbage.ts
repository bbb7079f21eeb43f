/** V8 counts the bytes of buffers late: without this the agent holds twice of what it uses. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * @returns a function that frees what nothing refers to any more, in this thread. It takes a millisecond where that is
 *   young; what has outlived two collections is looked for, some tens of milliseconds long, while buffers hold more
 *   than `keptBytes`
 */
export function garbageCollector(keptBytes: number): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;
  // Code caches made under other flags would be thrown away: those of threads that start later, for example.
  setFlagsFromString('--no-expose-gc');
  return () => {
    collect({ type: 'minor' });
    if (process.memoryUsage().arrayBuffers > keptBytes) collect();
  };
}
