import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import { parseWalFileName } from '../../../../src/postgres/wal/file-name.ts';
import { parseLongPageHeader, postgresMajorOfPageMagic } from '../../../../src/postgres/wal/page-header.ts';
import { checkSegment, type SegmentCheck } from '../../../../src/postgres/wal/segment-check.ts';
import { clusterSamples } from '../../../support/wal/cluster-samples.ts';

const segmentSizeBytes = 4 * 1024 ** 2;

interface Changes {
  name?: string;
  sizeBytes?: number;
  systemId?: bigint;
  segmentSizeBytes?: number;
  change?: (view: DataView) => void;
}

for (const sample of clusterSamples)
  describe(`segments of PostgreSQL ${sample.major}`, () => {
    const check = (changes: Changes = {}): SegmentCheck => {
      const file = parseWalFileName(changes.name ?? sample.segment);
      assert.ok(file?.kind === 'segment' || file?.kind === 'partial');
      const firstPage = new Uint8Array(Buffer.from(sample.pageHeader, 'base64'));
      changes.change?.(new DataView(firstPage.buffer));
      const size = changes.segmentSizeBytes ?? segmentSizeBytes;
      return checkSegment({
        file,
        sizeBytes: changes.sizeBytes ?? size,
        firstPage,
        systemId: changes.systemId ?? sample.systemId,
        geometry: new WalGeometry(size),
      });
    };

    test('the magic tells the major', () => {
      const header = parseLongPageHeader(Buffer.from(sample.pageHeader, 'base64'));
      assert.equal(postgresMajorOfPageMagic(header?.magic ?? 0), sample.major);
      assert.equal(header?.systemId, sample.systemId);
    });
    test('a segment under its own name is fine, also as partial and under a later timeline', () => {
      const fine = { problems: [], unknownPageMagic: undefined, isDamaged: false, isForeign: false };
      assert.deepEqual(check(), fine);
      assert.deepEqual(check({ name: `${sample.segment}.partial` }), fine);
      assert.deepEqual(check({ name: `00000007${sample.segment.slice(8)}` }), fine);
    });
    test('each mismatch is a problem that names both sides', () => {
      const only = (changes: Changes, problem: RegExp, isForeign = false) => {
        const result = check(changes);
        assert.equal(result.problems.length, 1, result.problems.join('; '));
        assert.match(result.problems[0] ?? '', problem);
        assert.equal(result.isForeign, isForeign);
      };
      only({ systemId: 42n }, /system identifier \d+, the cluster has 42/, true);
      only({ sizeBytes: segmentSizeBytes - 1 }, /it has 4194303 bytes, a segment has 4194304/);
      only({ name: `${sample.segment.slice(0, 23)}F` }, /WAL address 0\/\w+, its name means 0\/3C00000/);
      only({ change: view => view.setUint32(4, 2, true) }, /timeline 2, above the name's 1/);
      only({ change: view => view.setUint16(2, 0, true) }, /does not begin with a WAL page header/);
      assert.match(check({ segmentSizeBytes: 2 * segmentSizeBytes }).problems.join(), /segment size 4194304/);
      assert.match(check({ name: '000000010000000000000400' }).problems.join(), /no segment has this name/);
    });
    test('an unknown magic only warns', () => {
      const result = check({ change: view => view.setUint16(0, 0xd999, true) });
      assert.deepEqual(result.problems, []);
      assert.equal(result.unknownPageMagic, 'D999');
    });
    test('one of a later version is told from junk by its sizes', () => {
      const later = (view: DataView) => view.setUint16(0, 0xd999, true);
      const foreign = check({ systemId: 42n, change: later });
      assert.deepEqual([foreign.isForeign, foreign.isDamaged], [true, false]);
      const junk = (view: DataView) => [later(view), view.setUint32(36, 8000, true)];
      assert.equal(check({ systemId: 42n, change: junk }).isDamaged, true);
    });
  });

test('the pages of 19 are known, those of its betas too', () => {
  assert.deepEqual([0xd11f, 0xd120, 0xd121, 0xd122, 0xd123].map(postgresMajorOfPageMagic), [
    19,
    19,
    19,
    19,
    undefined,
  ]);
});

test('too few bytes are no header', () => {
  assert.equal(parseLongPageHeader(new Uint8Array(39)), undefined);
  assert.equal(parseLongPageHeader(new Uint8Array(0)), undefined);
});
