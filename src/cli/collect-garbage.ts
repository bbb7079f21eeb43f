/** V8 counts the bytes of buffers late: without this the agent holds twice of what it uses. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** @returns a function that frees what nothing refers to any more, in this thread; it takes some milliseconds */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => collect();
}
