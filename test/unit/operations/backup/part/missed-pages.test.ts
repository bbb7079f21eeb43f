import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { isMissed } from '../../../../../src/operations/backup/part/missed-pages.ts';

const rules = { fromLsn: 100n, toLsn: 200n, logsEveryChange: false };

function page(lsn: number): Buffer {
  const bytes = Buffer.alloc(8192);
  bytes.writeUInt32LE(lsn, 4);
  bytes.writeUInt16LE(8192, 16);
  return bytes;
}

function spGistPage(flags: number, id = 0xff82): Buffer {
  const bytes = page(50);
  bytes.writeUInt16LE(8184, 16);
  bytes.writeUInt16LE(flags, 8184);
  bytes.writeUInt16LE(id, 8190);
  return bytes;
}

describe('a changed page that no summary names', () => {
  it('is missed if WAL of the range has changed it', () => {
    assert.deepEqual(
      [100, 101, 200, 201].map(lsn => isMissed(page(lsn), rules)),
      [false, true, true, false],
    );
  });

  it('is missed if nothing but WAL changes pages, unless WAL behind the range has', () => {
    const all = { ...rules, logsEveryChange: true };
    assert.deepEqual(
      [0, 100, 200, 201].map(lsn => isMissed(page(lsn), all)),
      [true, true, true, false],
    );
  });

  it('is not if it is the first one of an SP-GiST index, and no WAL of the range has changed it', () => {
    const all = { ...rules, logsEveryChange: true };
    assert.equal(isMissed(spGistPage(1), all), false);
    assert.equal(isMissed(spGistPage(4), all), true);
    assert.equal(isMissed(spGistPage(1, 0xff81), all), true);
    assert.equal(isMissed(spGistPage(1), { ...all, fromLsn: 49n }), true);
  });
});
