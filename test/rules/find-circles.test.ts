import assert from 'node:assert/strict';
import { test } from 'vitest';
import { findCircles } from '../../scripts/rules/find-circles.ts';

/** `a: b c` for a file and the files that it imports. */
function circlesIn(...lines: readonly string[]): string[] {
  const graph = new Map(
    lines.map(line => {
      const [file = '', imported = ''] = line.split(':');
      return [file, imported.split(' ').filter(name => name !== '')];
    }),
  );
  return findCircles(graph).map(circle => circle.join(' '));
}

test('files that several others import make no circle', () => {
  assert.deepEqual(circlesIn(), []);
  assert.deepEqual(circlesIn('a: b c', 'b: d', 'c: d elsewhere', 'd:'), []);
});

test('a circle is named from its first file, by a shortest way', () => {
  assert.deepEqual(circlesIn('a: a'), ['a a']);
  assert.deepEqual(circlesIn('b: a', 'a: b'), ['a b a']);
  assert.deepEqual(circlesIn('x: a', 'a: b c', 'b: c', 'c: a y', 'y:'), ['a c a', 'b c a b']);
});

test('each circle is found, also where they share a file', () => {
  assert.deepEqual(circlesIn('a: b', 'b: a', 'c: d', 'd: c'), ['a b a', 'c d c']);
  assert.deepEqual(circlesIn('a: b c', 'b: a', 'c: a'), ['a b a', 'c a c']);
});
