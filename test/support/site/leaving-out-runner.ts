/**
 * Vitest's runner, which leaves a test out where a program that it uses is missing on this machine. With CI=true such a
 * test fails. Each test that is left out is a line of the file in WALVAULT_TEST_LEFT_OUT, and so is each file whose tests
 * are not known, because it needs the program first: `npm test` tells of them.
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
    note(nameOf(test), reason);
  }

  override async onBeforeRunSuite(suite: RunnerTestSuite): Promise<void> {
    // A suite that has failed before it runs is a file that could not be read to its end.
    const reason = reasonOf(suite);
    if (reason !== undefined) {
      suite.mode = 'skip';
      delete suite.result;
      note(suite.file.name, reason);
    }
    await super.onBeforeRunSuite(suite);
  }

  /** A suite whose `beforeAll` needs the program: none of its tests has run. */
  override async onAfterRunSuite(suite: RunnerTestSuite): Promise<void> {
    const reason = reasonOf(suite);
    if (reason !== undefined) {
      suite.mode = 'skip';
      suite.result = { state: 'skip' };
      for (const test of testsIn(suite)) note(nameOf(test), reason);
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

function nameOf(test: RunnerTestCase): string {
  return `${test.file.name} > ${test.name}`;
}

function note(name: string, reason: string): void {
  const path = process.env['WALVAULT_TEST_LEFT_OUT'];
  if (path !== undefined) appendFileSync(path, `${reason.replaceAll(/\s+/g, ' ')}\t${name}\n`);
}
