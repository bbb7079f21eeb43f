/** The job that writes the files of one part of a backup. */
import {
  unpackPart,
  type PartJob,
  type UnpackedPart,
  type Written,
} from '../../operations/restore/unpack-part.ts';
import { garbageCollector } from '../collect-garbage.ts';
import { repositoryNamed, type Job, type Workshop } from '../job.ts';

export interface UnpackPart {
  /** The name of the repository that has the part. */
  readonly repository: string;
  readonly job: PartJob;
}

/** How often the caller is told what is written. */
const tellEveryMs = 100;
/** Bytes of buffers that need no collection. */
const keptBytes = 24 * 1024 ** 2;
/** The heap of a part with few files. */
const keptHeapBytes = 24 * 1024 ** 2;

export async function openUnpackPart({ repositories }: Workshop): Promise<Job<UnpackPart, UnpackedPart>> {
  const opened = await repositories();
  const collectGarbage = garbageCollector(keptBytes, keptHeapBytes);
  return async ({ repository: name, job }, { signal, log }) => {
    const repository = repositoryNamed(opened, name);
    let toldAt = performance.now();
    const onWritten = ({ bytes, files }: Written) => {
      if (performance.now() - toldAt < tellEveryMs) return;
      toldAt = performance.now();
      log.emit({ kind: 'progress', stage: 'restore', doneBytes: bytes, doneFiles: files });
    };
    try {
      return await unpackPart(repository, job, { onWritten, signal });
    } finally {
      collectGarbage();
    }
  };
}
