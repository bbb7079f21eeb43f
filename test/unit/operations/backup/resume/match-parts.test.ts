import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'vitest';
import { Inventory } from '../../../../../src/operations/backup/collect/inventory.ts';
import { EarlierParts } from '../../../../../src/operations/backup/resume/earlier-parts.ts';
import { PartMatcher } from '../../../../../src/operations/backup/resume/match-parts.ts';
import type { ManifestEntry } from '../../../../../src/repository/format/manifest.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

interface Earlier {
  readonly number: number;
  readonly paths: readonly string[];
  readonly host?: string;
}

function fileOf(path: string): ManifestEntry & { readonly sourcePath: string } {
  return { path, type: 'file', sizeBytes: 8192, mode: 0o600, mtimeMs: 1, sourcePath: `/pg/${path}` };
}

/** Paths with a `*` have another time than in the earlier parts, which stand newest first. */
async function match(earlier: readonly Earlier[], now: readonly string[]) {
  const directory = temporaryDirectory('spools');
  await using parts = await EarlierParts.create(directory);
  for (const { number, paths, host = hostname() } of earlier) {
    const name = `parts/${String(number).padStart(6, '0')}.tar.zst`;
    const part = { number, name, storedSizeBytes: 1, storedSha256: 'ab'.repeat(32), plainSizeBytes: 512 };
    const entries = paths.map(path => ({ ...fileOf(path), sha256: 'ef'.repeat(32), part: number }));
    await parts.add({ part, host, keys: '', entries });
  }
  await using inventory = await Inventory.create(directory);
  const matcher = await PartMatcher.create(parts);
  for (const path of now) {
    const entry = fileOf(path.replace('*', ''));
    const found = { ...entry, mtimeMs: path.endsWith('*') ? 2 : 1 };
    await inventory.add(found);
    matcher.add(found);
  }
  const matched = await matcher.finish(inventory);
  return {
    parts: matched.parts.map(({ earlier: index = -1, entries }) => [
      parts.list[index]?.part.number,
      [...entries],
    ]),
    changed: matched.changed.map(({ number }) => number),
    left: now.filter((_, number) => !matched.has(number)),
  };
}

test('the files of an earlier part are found, wherever others have come between them', async () => {
  const { parts, changed, left } = await match(
    [
      { number: 2, paths: ['base/1/c', 'base/1/e'] },
      { number: 1, paths: ['base/1/a', 'base/2/a'] },
    ],
    ['base/1/a', 'base/1/b', 'base/1/c', 'base/1/e', 'base/2/a'],
  );
  assert.deepEqual(parts, [
    [2, [2, 3]],
    [1, [0, 4]],
  ]);
  assert.deepEqual(changed, []);
  assert.deepEqual(left, ['base/1/b']);
});

test('a file that has changed or gone costs its own part alone, whose other files are planned anew', async () => {
  const earlier = [
    { number: 3, paths: ['base/3/a'] },
    { number: 2, paths: ['base/2/a', 'base/2/b'] },
    { number: 1, paths: ['base/1/a', 'base/1/b'] },
  ];
  const { parts, changed, left } = await match(earlier, ['base/1/a*', 'base/1/b', 'base/2/b', 'base/3/a']);
  assert.deepEqual(parts, [[3, [3]]]);
  assert.deepEqual(changed, [2, 1]);
  assert.deepEqual(left, ['base/1/a*', 'base/1/b', 'base/2/b']);
});

test('a file that was stored twice belongs to the newer part, and the older one is not used', async () => {
  const earlier = [
    { number: 1_000_001, paths: ['base/1/a', 'base/1/b'] },
    { number: 1, paths: ['base/1/a', 'base/1/b'] },
  ];
  const { parts, changed } = await match(earlier, ['base/1/a', 'base/1/b']);
  assert.deepEqual(parts, [[1_000_001, [0, 1]]]);
  assert.deepEqual(changed, [1]);
});

test('what another host wrote is worth a look whatever the times of its files', async () => {
  const { parts } = await match([{ number: 1, paths: ['base/1/a'], host: 'db-before' }], ['base/1/a*']);
  assert.deepEqual(parts, [[1, [0]]]);
});

test('a relation file is found by its incremental file', async () => {
  const { parts, left } = await match(
    [{ number: 1, paths: ['base/1/16384', 'base/1/INCREMENTAL.16385'] }],
    ['base/1/16384', 'base/1/16385', 'base/1/16386'],
  );
  assert.deepEqual([parts, left], [[[1, [0, 1]]], ['base/1/16386']]);
});
