/** The table of jobs that a worker thread can do. */
import type { OpenJob } from './job.ts';

/** Functions that open a job, by its name; a thread loads a job's code with its first input. */
export const jobTable = {
  'push-file': async () => (await import('./jobs/push-file.ts')).openPushFile,
  'write-part': async () => (await import('./jobs/write-part.ts')).openWritePart,
  'prove-part': async () => (await import('./jobs/prove-part.ts')).openProvePart,
  'unpack-part': async () => (await import('./jobs/unpack-part.ts')).openUnpackPart,
  'compare-files': async () => (await import('./jobs/compare-files.ts')).openCompareFiles,
  'read-segments': async () => (await import('./jobs/read-segments.ts')).openReadSegments,
  'read-part': async () => (await import('./jobs/read-part.ts')).openReadPart,
  'fetch-ahead': async () => (await import('./jobs/fetch-ahead.ts')).openFetchAhead,
};

/** Input and output of each job, for the pool. */
export type Jobs = {
  readonly [Name in keyof typeof jobTable]: Awaited<ReturnType<(typeof jobTable)[Name]>> extends OpenJob<
    infer Input,
    infer Output
  >
    ? { readonly input: Input; readonly output: Output }
    : never;
};
