/** `npm run coverage`: line, branch and function coverage of `src` by the tests that run it in their own process. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';

/** Below what the suites reach today, so that only a real loss fails; the rest is reached by end-to-end tests. */
const leastPercent = { lines: 80, branches: 75, functions: 75 };

const root = resolve(import.meta.dirname, '..');
const files = globSync('test/{unit,property,contract}/**/*.test.ts', { cwd: root }).toSorted();
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    '--experimental-test-coverage',
    '--test-coverage-include=src/**/*.ts',
    ...Object.entries(leastPercent).map(([what, percent]) => `--test-coverage-${what}=${percent}`),
    ...files,
  ],
  { cwd: root, stdio: 'inherit' },
);
process.exitCode = files.length > 0 ? (status ?? 1) : 1;
