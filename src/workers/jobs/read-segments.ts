/** The job that reads some archived segments to their ends. */
import {
  readSegments,
  type SegmentsResult,
  type SegmentsToRead,
} from '../../operations/verify/read-segments.ts';
import { repositoryNamed, type Job, type Workshop } from '../job.ts';

export interface ReadSegments {
  /** The name of the repository that has them. */
  readonly repository: string;
  readonly task: SegmentsToRead;
}

export async function openReadSegments({
  repositories,
}: Workshop): Promise<Job<ReadSegments, SegmentsResult>> {
  const opened = await repositories();
  return async ({ repository, task }, { signal }) =>
    await readSegments(repositoryNamed(opened, repository), task, { signal });
}
