/**
 * Vitest's runner, which leaves a test out where a program that it uses is missing on this machine. With CI=true such a
 * test fails. Each test that is left out is a line of the file in WALVAULT_TEST_LEFT_OUT: `npm test` tells of them.
 */
import { appendFileSync } from 'node:fs';
import { TestRunner, type RunnerTestCase, type RunnerTestSuite } from 'vitest';
import { missingProgramIn } from './missing-program.ts';

/** Vitest takes the default export. */
export default class LeavingOutRunner extends TestRunner {
  onAfterRetryTask(test: RunnerTestCase): void {
    const reason = reasonOf(test);
    if (reason === undefined) return;
    test.result = { state: 'skip' };
    note(test, reason);
  }

  /** A suite whose `beforeAll` needs the program: none of its tests has run. */
  override async onAfterRunSuite(suite: RunnerTestSuite): Promise<void> {
    const reason = reasonOf(suite);
    if (reason !== undefined) {
      suite.mode = 'skip';
      suite.result = { state: 'skip' };
      for (const test of testsIn(suite)) note(test, reason);
    }
    await super.onAfterRunSuite(suite);
  }
}

function reasonOf({ result }: RunnerTestCase | RunnerTestSuite): string | undefined {
  const errors = result?.state === 'fail' ? (result.errors ?? []) : [];
  if (process.env['CI'] === 'true' || errors.length === 0) return undefined;
  return missingProgramIn(errors[0]);
}

function testsIn(suite: RunnerTestSuite): RunnerTestCase[] {
  return suite.tasks.flatMap(task => (task.type === 'test' ? [task] : testsIn(task)));
}

function note(test: RunnerTestCase, reason: string): void {
  const path = process.env['WALVAULT_TEST_LEFT_OUT'];
  if (path !== undefined) appendFileSync(path, `${reason}\t${test.file.name} > ${test.name}\n`);
}
