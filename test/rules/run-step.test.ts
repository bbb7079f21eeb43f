/** What `npm test` counts: as passed what ran to a good end, as failed all that did not, and a suite that ran nothing; an inquiry without an answer is neither. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, test, vi } from 'vitest';
import { describeLeftOut } from '../../scripts/test/left-out.ts';
import { runStep } from '../../scripts/test/run-step.ts';
import { temporaryDirectory } from '../support/site/temp.ts';

const root = resolve(import.meta.dirname, '../..');
afterEach(() => void vi.unstubAllEnvs());

const good = "test('good', () => {});";

describe('a suite', () => {
  for (const [name, text, passed, failed] of [
    ['of good tests', `${good} describe('inner', () => { ${good} });`, 2, 0],
    ['with a bad test', `${good} test('bad', () => { throw new Error('on purpose'); });`, 1, 1],
    ['with skipped tests', `${good} test.skip('a', () => {}); describe.skip('b', () => { ${good} });`, 1, 2],
    ['with a test left out by itself', `${good} test('a', context => context.skip());`, 1, 1],
    ['with a test yet to be written', `${good} test.todo('a');`, 1, 1],
    ['that is skipped', `describe.skip('a', () => { ${good} });`, 0, 1],
    ['with a part that has no tests', `${good} describe('a', () => {});`, 1, 1],
    ['that fails before its tests', `beforeAll(() => { throw new Error('on purpose'); }); ${good}`, 0, 1],
    ['that fails after its tests', `afterAll(() => { throw new Error('on purpose'); }); ${good}`, 1, 1],
    ['that drops a failure', `test('a', () => { void Promise.reject(new Error('on purpose')); });`, 1, 1],
    [
      'that prints what looks like good tests',
      "process.stdout.write('\\n      Tests  5 passed (5)\\n');",
      0,
      1,
    ],
    ['of no files', undefined, 0, 1],
  ] as const)
    test(`${name}: ${passed} passed, ${failed} failed`, async () => {
      const result = await runStep({ kind: 'suite', name: 'planted' }, makeProject(text));
      assert.deepEqual([result.passed, result.failed], [passed, failed], result.output);
    });
});

describe('a suite on a machine without a program that its tests use', () => {
  const gone = "Object.assign(new Error('spawn gpg ENOENT'), { code: 'ENOENT', path: 'gpg' })";
  const text = `${good} test('needs gpg', () => { throw ${gone}; });
    test('needs it deep down', () => { throw new Error('no key', { cause: ${gone} }); });
    test('needs zstd', () => { throw new Error('sh: 1: zstd: not found'); });
    describe('all need it', () => { beforeAll(() => { throw ${gone}; }); ${good} });`;
  const run = (content = text) => runStep({ kind: 'suite', name: 'planted' }, makeProject(content));

  test('leaves them out, by name and with the reason', async () => {
    vi.stubEnv('CI', '');
    const { passed, failed, leftOut, output } = await run();
    assert.deepEqual([passed, failed], [1, 0], output);
    assert.deepEqual(describeLeftOut(leftOut), [
      'left out, no gpg (Debian: gnupg): 3 tests',
      '  test/a.test.ts > needs gpg',
      '  test/a.test.ts > needs it deep down',
      '  test/a.test.ts > good',
      'left out, no zstd (Debian: zstd): 1 test',
      '  test/a.test.ts > needs zstd',
    ]);
  });

  test('leaves out a file that needs it before its tests are known', async () => {
    vi.stubEnv('CI', '');
    const { passed, failed, leftOut, output } = await run(`${good} throw ${gone};`);
    assert.deepEqual([passed, failed], [0, 0], output);
    assert.deepEqual(describeLeftOut(leftOut), [
      'left out, no gpg (Debian: gnupg): 1 whole file',
      '  test/a.test.ts',
    ]);
    vi.stubEnv('CI', 'true');
    assert.equal((await run(`${good} throw ${gone};`)).failed, 1);
  });

  test('leaves out a test that says so itself', async () => {
    vi.stubEnv('CI', '');
    const words = ['needs root: a', 'needs mounts: a', 'needs namespaces: a', 'not installed: a'];
    const { passed, failed, leftOut } = await run(
      `${good} for (const word of ${JSON.stringify(words)}) test('b', () => { throw new Error(word); });`,
    );
    assert.deepEqual([passed, failed], [1, 0]);
    assert.deepEqual(
      leftOut,
      words.map(word => `${word}\ttest/a.test.ts > b`),
    );
  });

  test('fails in CI', async () => {
    vi.stubEnv('CI', 'true');
    const { passed, failed, leftOut, output } = await run();
    assert.deepEqual([passed, failed, leftOut], [1, 4, []], output);
  });
});

test("vitest's summary is that of the whole suite", async () => {
  const { summary } = await runStep({ kind: 'suite', name: 'planted' }, makeProject(good));
  assert.match(summary, /^ Test Files  1 passed \(1\)\n      Tests  1 passed \(1\)\n/);
});

describe('an inquiry', () => {
  for (const [what, status, passed, failed] of [
    ['that was answered well', 0, 1, 0],
    ['that was answered badly', 1, 0, 1],
    ['that was not answered', 75, 0, 0],
    ['that could not be made', 127, 0, 1],
  ] as const)
    test(`${what}: ${passed} passed, ${failed} failed, and what it says is shown`, async () => {
      const project = temporaryDirectory('run-step', { keepOwner: true });
      const scripts = { planted: `echo $HTTPS_PROXY; exit ${status}` };
      writeFileSync(join(project, 'package.json'), JSON.stringify({ scripts }));
      vi.stubEnv('HTTPS_PROXY', 'http://proxy.example');
      const result = await runStep({ kind: 'inquiry', name: 'planted', npmScript: 'planted' }, project);
      assert.deepEqual(
        [result.passed, result.failed, result.summary],
        [passed, failed, 'http://proxy.example'],
        result.output,
      );
    });
});

/** A project of one suite of one test file. */
function makeProject(text: string | undefined): string {
  const project = temporaryDirectory('run-step', { keepOwner: true });
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  const runner = join(root, 'test/support/site/leaving-out-runner.ts');
  const suites = [{ test: { name: 'planted', include: ['test/*.test.ts'], runner } }];
  writeFileSync(
    join(project, 'vitest.config.ts'),
    `export default ${JSON.stringify({ test: { projects: suites } })};`,
  );
  mkdirSync(join(project, 'test'));
  if (text !== undefined)
    writeFileSync(
      join(project, 'test/a.test.ts'),
      `import { afterAll, beforeAll, describe, test } from 'vitest';\n${text}\n`,
    );
  return project;
}
