import assert from 'node:assert/strict';
import { test } from 'vitest';
import { mergeSorted } from '../../../../../src/operations/backup/collect/merge-sorted.ts';

async function merged(many: readonly string[], few: readonly string[]): Promise<string[]> {
  async function* stream() {
    for (const path of many) yield { path, from: 'many' };
  }
  const result: string[] = [];
  for await (const { path, from } of mergeSorted(
    stream(),
    few.map(path => ({ path, from: 'few' })),
  ))
    result.push(from === 'few' ? `${path}*` : path);
  return result;
}

test('a few unsorted entries come to their places in a sorted stream', async () => {
  assert.deepEqual(await merged(['b', 'base', 'base-x', 'base/1'], ['z', 'a', 'base/0']), [
    'a*', 'b', 'base', 'base-x', 'base/0*', 'base/1', 'z*',
  ]); // prettier-ignore
  assert.deepEqual(await merged([], ['b', 'a']), ['a*', 'b*']);
  assert.deepEqual(await merged(['a', 'b'], []), ['a', 'b']);
});

test('where both have a path the captured entry wins, once', async () => {
  assert.deepEqual(await merged(['a', 'b', 'c'], ['b']), ['a', 'b*', 'c']);
});

test('order is that of UTF-8 bytes', async () => {
  assert.deepEqual(await merged(['\u{ffee}'], ['\u{1f600}']), ['\u{ffee}', '\u{1f600}*']);
});
