/** The job that reads one part of a backup to its end. */
import { verifyPart, type PartResult, type PartToRead } from '../../operations/verify/read-part.ts';
import { garbageCollector } from '../collect-garbage.ts';
import { repositoryNamed, type Job, type Workshop } from '../job.ts';

export interface ReadPart {
  /** The name of the repository that has it. */
  readonly repository: string;
  readonly task: PartToRead;
}

/** Bytes of buffers that need no collection. */
const keptBytes = 24 * 1024 ** 2;
/** The heap of a part with few files. */
const keptHeapBytes = 24 * 1024 ** 2;

export async function openReadPart({ repositories }: Workshop): Promise<Job<ReadPart, PartResult>> {
  const opened = await repositories();
  const collectGarbage = garbageCollector(keptBytes, keptHeapBytes);
  return async ({ repository, task }, { signal }) => {
    try {
      return await verifyPart(repositoryNamed(opened, repository), task, { signal });
    } finally {
      collectGarbage();
    }
  };
}
