/** The interface through which a verification reads data: in threads, or in this process. */
import type { Repository } from '../../repository/repository.ts';
import { verifyPart, type PartResult, type PartToRead } from './read-part.ts';
import { readSegments, type SegmentsResult, type SegmentsToRead } from './read-segments.ts';

export interface DataReader {
  /** How many tasks it does side by side. */
  readonly jobs: number;
  /** @throws StoreError when the store fails */
  segments(repository: Repository, task: SegmentsToRead, signal: AbortSignal): Promise<SegmentsResult>;
  /** @throws StoreError when the store fails */
  part(repository: Repository, task: PartToRead, signal: AbortSignal): Promise<PartResult>;
}

/** Reads in this thread. */
export const readerHere: DataReader = {
  jobs: 1,
  segments: (repository, task, signal) => readSegments(repository, task, { signal }),
  part: (repository, task, signal) => verifyPart(repository, task, { signal }),
};
