/** docs/security.md hopes for nothing: each of its lines names tests, and they are there. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const rows = readFileSync(join(root, 'docs/security.md'), 'utf8')
  .split('\n')
  .filter(line => /^\| (?!attempt )/.test(line));

/** `file` (title; title), as the last cell of a row has them. */
const citation = /`(test\/[^`]+)` \(([^()]+)\)/g;

test('each line names tests by file and title, and they are there', () => {
  assert.ok(rows.length > 20);
  for (const row of rows) {
    const cell = row.split(' | ').at(-1) ?? '';
    const cited = [...cell.matchAll(citation)];
    assert.ok(cited.length > 0, `no test: ${row}`);
    for (const [, path = '', titles = ''] of cited) {
      assert.ok(existsSync(join(root, path)), `${path} is not there`);
      const text = readFileSync(join(root, path), 'utf8').replaceAll("\\'", "'");
      for (const title of titles.split('; '))
        assert.ok(text.includes(title), `${path} has no test "${title}"`);
    }
  }
});
