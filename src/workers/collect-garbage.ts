/**
 * Garbage collection on demand. V8 counts the bytes of buffers late: without this, the agent holds twice the memory
 * that it uses. And it lets a heap of garbage grow to several times what is in use: that of a million files, by 100 MiB.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What the main thread of a backup or restore of a few files stays below. */
export const mainThread = { keptBytes: 24 * 1024 ** 2, keptHeapBytes: 64 * 1024 ** 2 } as const;

/**
 * @returns a function that frees unreachable memory of this thread. It takes a millisecond for young objects. While
 * buffers hold more than `keptBytes`, or the heap is larger than `keptHeapBytes`, it also looks through older ones, for
 * some tens of milliseconds.
 */
export function garbageCollector(keptBytes: number, keptHeapBytes = Infinity): () => void {
  const collect = exposedCollector();
  return () => {
    collect({ type: 'minor' });
    const { arrayBuffers, heapTotal } = process.memoryUsage();
    if (arrayBuffers > keptBytes || heapTotal > keptHeapBytes) collect();
  };
}

type Collect = (options?: { readonly type: 'minor' }) => void;

/** V8's flags belong to the process: another thread that starts at this moment may have taken the flag back already. */
function exposedCollector(): Collect {
  for (;;) {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('globalThis.gc') as Collect | undefined;
    // Otherwise code caches made under other flags would be dropped, those of threads that start later among them.
    setFlagsFromString('--no-expose-gc');
    if (collect !== undefined) return collect;
  }
}
