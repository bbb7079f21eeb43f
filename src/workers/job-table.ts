import type { OpenJob } from './job.ts';

/** Names of jobs to what opens them; a thread loads a job's code with its first input. */
export const jobTable = {
  'push-file': async () => (await import('./jobs/push-file.ts')).openPushFile,
  'fetch-ahead': async () => (await import('./jobs/fetch-ahead.ts')).openFetchAhead,
};

/** The same table as types, for the pool: what goes in, and what comes out. */
export type Jobs = {
  readonly [Name in keyof typeof jobTable]: Awaited<ReturnType<(typeof jobTable)[Name]>> extends OpenJob<
    infer Input,
    infer Output
  >
    ? { readonly input: Input; readonly output: Output }
    : never;
};
