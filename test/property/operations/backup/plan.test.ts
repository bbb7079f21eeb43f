import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { PartPlanner, type PlannedEntry, type PlannedPart } from '../../../../src/operations/backup/plan.ts';
import { comparePaths } from '../../../../src/repository/format/manifest.ts';

const limits = { partSizeBytes: 8192, maxEntries: 6 };

const relationFile = fc
  .tuple(
    fc.constantFrom('base/1', 'base/16384', 'global', 'pg_tblspc/16400/PG_15_202209061/5'),
    fc.nat(40),
    fc.constantFrom('', '_fsm', '_vm', '.1', '.2', '_vm.1'),
  )
  .map(([directory, number, rest]) => `${directory}/${number + 1}${rest}`);
const anyPath = fc.oneof(relationFile, fc.constantFrom('PG_VERSION', 'base/1/PG_VERSION', 'pg_xact/0000'));
const walks = fc
  .uniqueArray(fc.record({ path: anyPath, type: fc.constant('file' as const), sizeBytes: fc.nat(6000) }), {
    maxLength: 120,
    selector: ({ path }) => path,
  })
  .map((entries): PlannedEntry[] => entries.toSorted((a, b) => comparePaths(a.path, b.path)));

function planOf(walk: readonly PlannedEntry[]): PlannedPart[] {
  const planner = new PartPlanner(limits);
  for (const entry of walk) planner.add(entry);
  return planner.finish();
}

const relationOf = (path: string) => path.replace(/[._][^/]*$/, '');

test('every entry is in one part, in its order there, and the largest parts come first', () => {
  fc.assert(
    fc.property(walks, walk => {
      const parts = planOf(walk);
      const numbers = parts.flatMap(({ entries }) => [...entries]);
      assert.deepEqual(
        numbers.toSorted((a, b) => a - b),
        walk.map((_, number) => number),
      );
      for (const [index, { entries, sizeBytes }] of parts.entries()) {
        assert.deepEqual(
          [...entries],
          [...entries].toSorted((a, b) => a - b),
        );
        assert.ok(sizeBytes <= limits.partSizeBytes || entries.length === 1);
        assert.ok(entries.length <= limits.maxEntries);
        assert.ok(sizeBytes <= (parts[index - 1]?.sizeBytes ?? Infinity));
      }
    }),
  );
});

test('a relation that one part can hold is in one part', () => {
  fc.assert(
    fc.property(walks, walk => {
      const parts = planOf(walk);
      const relations = Map.groupBy(walk.entries(), ([, { path }]) => relationOf(path));
      for (const [relation, files] of relations) {
        if (!/\/\d+$/.test(relation)) continue;
        const sizeBytes = files.reduce(
          (sum, [, file]) => sum + 512 + Math.ceil(file.sizeBytes / 512) * 512,
          0,
        );
        if (sizeBytes > limits.partSizeBytes || files.length > limits.maxEntries) continue;
        const holding = parts.filter(({ entries }) => files.some(([number]) => entries.includes(number)));
        assert.equal(holding.length, 1, relation);
      }
    }),
  );
});

test('the same walk makes the same plan', () => {
  fc.assert(fc.property(walks, walk => assert.deepEqual(planOf(walk), planOf(walk))));
});
