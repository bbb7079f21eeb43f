/** The job that writes one part of a backup. */
import type { PartTask, WrittenPart } from '../../operations/backup/part/part-task.ts';
import { LocalPartWriter } from '../../operations/backup/part/write-part.ts';
import { garbageCollector } from '../collect-garbage.ts';
import type { Job, Workshop } from '../job.ts';

/** Bytes of buffers that need no collection: those of one frame, and of one part of an upload. */
const keptBytes = 24 * 1024 ** 2;
/** The heap of a part with few files. */
const keptHeapBytes = 24 * 1024 ** 2;

/**
 * Bytes of a part after which garbage is collected: each frame leaves buffers behind, which V8 would let add up to some
 * 64 MiB in each thread.
 */
const collectEachBytes = 32 * 1024 ** 2;
/** Bytes of buffers in use while a part is sent: its frames, and the four parts of an upload that are in memory. */
const keptMeanwhileBytes = 48 * 1024 ** 2;

export async function openWritePart({ repositories }: Workshop): Promise<Job<PartTask, WrittenPart>> {
  const writer = new LocalPartWriter(await repositories());
  const collectGarbage = garbageCollector(keptBytes, keptHeapBytes);
  const collectMeanwhile = garbageCollector(keptMeanwhileBytes);
  return async (task, { log, signal, onProgress }) => {
    let collectAtBytes = collectEachBytes;
    const onBytes = (doneBytes: number) => {
      onProgress(doneBytes);
      if (doneBytes < collectAtBytes) return;
      collectAtBytes = doneBytes + collectEachBytes;
      collectMeanwhile();
    };
    try {
      return await writer.write(task, { log, signal, onBytes });
    } finally {
      collectGarbage();
    }
  };
}
