/**
 * Garbage collection on demand. V8 counts the bytes of buffers late: without this, the agent holds twice the memory
 * that it uses.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * @returns a function that frees unreachable memory of this thread. It takes a millisecond for young objects. While
 * buffers hold more than `keptBytes` it also looks through older ones, for some tens of milliseconds.
 */
export function garbageCollector(keptBytes: number): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;
  // Otherwise code caches made under other flags would be dropped, those of threads that start later among them.
  setFlagsFromString('--no-expose-gc');
  return () => {
    collect({ type: 'minor' });
    if (process.memoryUsage().arrayBuffers > keptBytes) collect();
  };
}
