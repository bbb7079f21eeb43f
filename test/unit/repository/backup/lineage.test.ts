import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { lineageOf } from '../../../../src/repository/backup/lineage.ts';
import type { BackupRecord } from '../../../../src/repository/format/backup-record.ts';
import { withLineage } from '../../../../src/repository/trust.ts';
import { backup } from '../../../support/cleanup-state.ts';

function record(id: string, parent?: string, change: Partial<BackupRecord> = {}): BackupRecord {
  const { record: made } = backup({ id, at: 1, segments: [1, 2], ...(parent !== undefined && { parent }) });
  return { ...made, type: parent === undefined ? 'full' : 'incremental', ...change };
}

const ids = (records: readonly BackupRecord[] | undefined) => records?.map(({ id }) => id);

describe('the lineage of a backup', () => {
  const tree = [record('full'), record('day', 'full'), record('hour', 'day'), record('other', 'full')];
  const find = (id: string) => tree.find(one => one.id === id);

  it('begins with the full backup and ends with itself', () => {
    for (const [at, expected] of [['full'], ['full', 'day'], ['full', 'day', 'hour']].entries())
      assert.deepEqual(ids(lineageOf(tree[at] ?? record('none'), find)), expected);
  });

  it('is none where an ancestor is missing, of another system, or an incremental one names no parent', () => {
    const withoutDay = (id: string) => (id === 'day' ? undefined : find(id));
    assert.equal(lineageOf(record('hour', 'day'), withoutDay), undefined);
    const foreign = (id: string) => (id === 'full' ? record('full', undefined, { systemId: 1n }) : find(id));
    assert.equal(lineageOf(record('hour', 'day'), foreign), undefined);
    assert.equal(lineageOf(record('lost', undefined, { type: 'incremental' }), find), undefined);
  });

  it('has an end, also where parents run in a circle', () => {
    const circle = [record('a', 'b'), record('b', 'a')];
    assert.equal(
      lineageOf(circle[0] ?? record('none'), id => circle.find(one => one.id === id)),
      undefined,
    );
  });

  it('decides which backups can be restored from', () => {
    assert.deepEqual(ids(withLineage(tree)), ['full', 'day', 'hour', 'other']);
    const left = tree.filter(({ id }) => id !== 'day');
    assert.deepEqual(ids(withLineage(left)), ['full', 'other']);
    assert.deepEqual(ids(withLineage(tree.slice(1))), []);
  });
});
