import assert from 'node:assert/strict';
import { test } from 'vitest';
import { visibleView } from '../../../../src/base/visible-text.ts';
import { treeOf } from '../../../../src/operations/list/tree.ts';

const tree = (...items: readonly (readonly [id: string, parent?: string])[]) =>
  treeOf(items, { idOf: ([id]) => id, parentOf: ([, parent]) => parent })
    .map(({ item: [id], depth }) => '-'.repeat(depth) + id)
    .join(' ');

test('each item stands behind its parent, siblings in their own order', () => {
  assert.equal(tree(['a'], ['b'], ['c', 'a'], ['d', 'b'], ['e', 'c'], ['f', 'a']), 'a -c --e -f b -d');
  assert.equal(tree(['c', 'a'], ['a']), 'a -c', 'a parent that comes later');
});

test('an item whose parent is gone is a root', () => {
  assert.equal(tree(['a', 'gone'], ['b', 'a']), 'a -b');
});

test('parents in a circle, or of themselves, are shown once each', () => {
  assert.equal(tree(['a', 'b'], ['b', 'a'], ['c', 'c'], ['d']), 'd a -b c');
});

test('a chain may be long', () => {
  const chain = Array.from({ length: 20_000 }, (_, index) => [`${index}`, `${index - 1}`] as const);
  assert.equal(treeOf(chain, { idOf: ([id]) => id, parentOf: ([, parent]) => parent }).at(-1)?.depth, 19_999);
});

test('each item stands there once also in a view that makes its items anew', () => {
  const view = visibleView([{ id: 'a' }, { id: 'b' }]);
  const tree = treeOf(view, { idOf: ({ id }) => id, parentOf: () => undefined });
  assert.deepEqual(
    tree.map(({ item }) => item.id),
    ['a', 'b'],
  );
});
