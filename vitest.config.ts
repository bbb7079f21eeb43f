/** The suites as vitest's projects, each with limits of its own; `scripts/test/steps.ts` has the order of `npm test`. */
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

interface Suite {
  readonly name: string;
  readonly include: string;
  /** For a test or a hook. One that waits for ever fails, instead of holding up all that follow. */
  readonly hungAfterMs: number;
  /** Test files that run side by side. CI has two processors: a third file with a server has them while others wait. */
  readonly concurrency: number;
  /** Its scratch directories lie in memory, where there is room. */
  readonly isScratchInMemory?: true;
  /**
   * One process runs file after file, which saves loading the sources anew for each. A file that leaves the process in another state
   * than it found it fails (`process-state.ts`).
   */
  readonly sharesProcesses?: true;
}

const minuteMs = 60_000;
const suites: readonly Suite[] = [
  // Three quarters of its time are waits for time limits.
  {
    name: 'unit',
    include: 'test/unit/**/*.test.ts',
    hungAfterMs: 2 * minuteMs,
    concurrency: 4,
    sharesProcesses: true,
  },
  {
    name: 'property',
    include: 'test/property/**/*.test.ts',
    hungAfterMs: 5 * minuteMs,
    concurrency: 2,
    sharesProcesses: true,
  },
  { name: 'contract', include: 'test/contract/**/*.test.ts', hungAfterMs: 5 * minuteMs, concurrency: 3 },
  { name: 'tools', include: 'test/{support,rules}/**/*.test.ts', hungAfterMs: 5 * minuteMs, concurrency: 1 },
  {
    name: 'postgres',
    include: 'test/postgres/**/*.test.ts',
    hungAfterMs: 10 * minuteMs,
    concurrency: 3,
    isScratchInMemory: true,
  },
  {
    name: 'e2e',
    include: 'test/e2e/**/*.test.ts',
    hungAfterMs: 10 * minuteMs,
    concurrency: 3,
    isScratchInMemory: true,
  },
];

export default defineConfig({
  test: {
    projects: suites.map(projectOf),
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'html'],
      // Below what the suites reach today, so that only a real loss fails; the rest is reached by end-to-end tests.
      thresholds: { lines: 78, branches: 69, functions: 79 },
    },
  },
});

function projectOf(
  { name, include, hungAfterMs, concurrency, isScratchInMemory, sharesProcesses }: Suite,
  index: number,
): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: [include],
      // Processes and not threads: tests set the umask and the effective user, and handle signals.
      pool: 'forks',
      isolate: sharesProcesses !== true,
      maxWorkers: concurrency,
      // One suite after another, as vitest wants it of suites whose concurrency differs.
      sequence: { groupOrder: index },
      testTimeout: hungAfterMs,
      hookTimeout: hungAfterMs,
      restoreMocks: true,
      runner: 'test/support/site/leaving-out-runner.ts',
      setupFiles: [
        ...(sharesProcesses ? ['test/support/site/process-state.ts'] : []),
        'test/support/site/test-file-end.ts',
        ...(isScratchInMemory ? ['test/support/site/scratch-in-memory.ts'] : []),
      ],
    },
  };
}
