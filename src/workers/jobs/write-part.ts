/** The job that writes one part of a backup. */
import type { PartTask, WrittenPart } from '../../operations/backup/part/part-task.ts';
import { LocalPartWriter } from '../../operations/backup/part/write-part.ts';
import { garbageCollector } from '../collect-garbage.ts';
import type { Job, Workshop } from '../job.ts';

/** Bytes of buffers that need no collection: those of one frame, and of one part of an upload. */
const keptBytes = 24 * 1024 ** 2;
/** The heap of a part with few files. */
const keptHeapBytes = 24 * 1024 ** 2;

export async function openWritePart({ repositories }: Workshop): Promise<Job<PartTask, WrittenPart>> {
  const writer = new LocalPartWriter(await repositories());
  const collectGarbage = garbageCollector(keptBytes, keptHeapBytes);
  return async (task, { log, signal, onProgress }) => {
    try {
      return await writer.write(task, { log, signal, onBytes: onProgress });
    } finally {
      collectGarbage();
    }
  };
}
