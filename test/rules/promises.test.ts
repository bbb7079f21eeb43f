/** docs/promises.md defines what the sources cite, and names tests that exist. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/promises.md'), 'utf8');
const rows = [...page.matchAll(/^\| (P\d+) \| [^|]+ \| ([^|]+) \|$/gm)];

test('each promise is defined once and has tests', () => {
  const numbers = rows.map(([, number]) => number);
  assert.deepEqual(
    numbers,
    Array.from({ length: 13 }, (_, index) => `P${index + 1}`),
  );
  for (const [, number, tests = ''] of rows) {
    const paths = [...tests.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);
    assert.ok(paths.length > 0, `${number} has no test`);
    for (const path of paths) assert.ok(existsSync(join(root, path)), `${number}: ${path} is not there`);
  }
});

test('the sources cite no promise that is not defined', () => {
  const known = new Set(rows.map(([, number]) => number));
  const files = globSync('{src,test,scripts}/**/*.ts', { cwd: root });
  const cited = files.flatMap(file =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\((?:[^()]*, )?(P\d+)\)|\bP(\d+)\b(?= is)/g)].map(
      ([, number, other]) => ({ file, number: number ?? `P${other}` }),
    ),
  );
  assert.ok(cited.length >= 20, `${cited.length} citations`);
  assert.deepEqual(
    cited.filter(({ number }) => !known.has(number)),
    [],
  );
});
