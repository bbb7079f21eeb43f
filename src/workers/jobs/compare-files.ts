/** The job that compares the files of one part with those in a directory. */
import {
  compareFiles,
  type ComparedFiles,
  type CompareJob,
} from '../../operations/restore/delta/compare-files.ts';
import { repositoryNamed, type Job, type Workshop } from '../job.ts';

export interface CompareFiles {
  /** The name of the repository whose secret opens the digests. */
  readonly repository: string;
  readonly job: CompareJob;
}

/** How often the caller is told what is read. */
const tellEveryMs = 100;

export async function openCompareFiles({
  repositories,
}: Workshop): Promise<Job<CompareFiles, ComparedFiles>> {
  const opened = await repositories();
  return async ({ repository, job }, { signal, log }) => {
    let toldAt = performance.now();
    const onRead = (doneBytes: number) => {
      if (performance.now() - toldAt < tellEveryMs) return;
      toldAt = performance.now();
      log.emit({ kind: 'progress', stage: 'comparing', doneBytes });
    };
    return await compareFiles(repositoryNamed(opened, repository), job, { onRead, signal });
  };
}
