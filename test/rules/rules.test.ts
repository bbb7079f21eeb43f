/** Each check of the code is shown to fail on a planted fault, and to pass without it. */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'vitest';
import { importsOf } from '../../scripts/rules/check-imports.ts';
import { bareEnvironment, run } from '../support/site/run.ts';
import { temporaryDirectory } from '../support/site/temp.ts';

const root = resolve(import.meta.dirname, '../..');
const planted = join(import.meta.dirname, 'planted');

interface Check {
  readonly script: string;
  readonly fault: string;
  readonly says: RegExp;
}

const checks: readonly Check[] = [
  { script: 'typecheck', fault: 'type-error.ts', says: /base\/planted\.ts.*TS2322/ },
  { script: 'lint', fault: 'floating-promise.ts', says: /no-floating-promises/ },
  { script: 'format:check', fault: 'unformatted.ts', says: /base\/planted\.ts/ },
  { script: 'deadcode', fault: 'unused-export.ts', says: /importedByNobody/ },
  {
    script: 'rules',
    fault: 'forbidden-import.ts',
    says: /planted\.ts imports stores\/store: base may not import/,
  },
];

for (const { script, fault, says } of checks)
  test(`npm run ${script} rejects ${fault}`, async () => {
    const project = makeProject();
    const before = await runScript(project, script);
    assert.equal(before.exitCode, 0, `without the fault: ${before.stdout}${before.stderr}`);
    copyFileSync(join(planted, fault), join(project, 'src/base/planted.ts'));
    const use =
      script === 'deadcode'
        ? "import { imported } from './base/planted.ts';\n\nprocess.exitCode = imported;\n"
        : "import './base/planted.ts';\n";
    writeFileSync(join(project, 'src/main.ts'), use);
    const after = await runScript(project, script);
    assert.notEqual(after.exitCode, 0);
    assert.match(after.stdout + after.stderr, says);
  });

test('the import rules see a package, a type and a dynamic import in the planted file', async () => {
  const project = makeProject();
  copyFileSync(join(planted, 'forbidden-import.ts'), join(project, 'src/base/planted.ts'));
  const { stdout } = await runScript(project, 'rules');
  assert.equal(stdout.match(/base\/planted\.ts imports/g)?.length, 3);
});

test('npm run rules rejects an import in each room that may not have it', async () => {
  const project = makeProject();
  cpSync(join(planted, 'rooms'), join(project, 'src'), { recursive: true });
  const { stdout, exitCode } = await runScript(project, 'rules');
  assert.equal(exitCode, 1);
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'agent/client/planted.ts imports postgres/cluster/control-file: agent/client may not import postgres',
    'cli/planted.ts imports stores/open: cli may not import stores/',
    'operations/backup/planted.ts imports entry/run-push: operations/backup may not import entry',
    'operations/restore/planted.ts imports operations/backup/backup: operations/restore may not import operations/backup',
    'repository/planted.ts imports observe/words: repository may not import observe',
    'workers/planted.ts imports agent/agent: workers may not import agent',
  ]);
});

test('npm run rules rejects a circle of imports, of types alone too', async () => {
  const project = makeProject();
  cpSync(join(planted, 'circle'), join(project, 'src'), { recursive: true });
  const { stdout, exitCode } = await runScript(project, 'rules');
  assert.equal(exitCode, 1);
  assert.equal(stdout, 'circle of imports: base/one → base/other → base/one\n');
});

test('imports are read from code, not from comments', () => {
  const text = [
    "import { a } from './a.ts';",
    "import './b.ts';",
    "export type { C } from './c.ts';",
    "const d = await import('./d.ts');",
    'import {',
    '  e,',
    "} from './e.ts';",
    "// import { f } from './f.ts';",
    " * import { g } from './g.ts';",
  ].join('\n');
  assert.deepEqual(importsOf(text), ['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts']);
});

/** A project of one empty file, under this one's own settings and tools. */
function makeProject(): string {
  const project = temporaryDirectory('rules', { keepOwner: true });
  for (const name of ['tsconfig.json', '.oxlintrc.json', '.prettierrc.json', '.prettierignore', 'knip.json'])
    copyFileSync(join(root, name), join(project, name));
  cpSync(join(root, 'scripts/rules'), join(project, 'scripts/rules'), { recursive: true });
  copyFileSync(join(root, 'scripts/rules.ts'), join(project, 'scripts/rules.ts'));
  mkdirSync(join(project, 'src/base'), { recursive: true });
  mkdirSync(join(project, 'test'));
  writeFileSync(join(project, 'src/main.ts'), 'process.exitCode = 0;\n');
  writeFileSync(join(project, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  return project;
}

/** The five scripts as they stand in the real one, and the tools that they call. */
function manifest() {
  const real = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const tools = ['typescript', 'oxlint', 'prettier', 'knip'];
  return {
    name: 'planted',
    private: true,
    type: 'module',
    scripts: Object.fromEntries(checks.map(({ script }) => [script, real.scripts[script]])),
    devDependencies: Object.fromEntries(tools.map(name => [name, real.devDependencies[name]])),
  };
}

function runScript(project: string, script: string) {
  return run('npm', ['run', '--silent', script], {
    cwd: project,
    as: 'self',
    env: { ...bareEnvironment, PATH: process.env['PATH'], HOME: project },
  });
}
