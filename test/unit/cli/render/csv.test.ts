import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { renderCsv } from '../../../../src/cli/render/csv.ts';
import { rendered } from '../../../../src/cli/render/result-text.ts';
import { visibleLines } from '../../../../src/base/visible-text.ts';

describe('comma-separated values', () => {
  it('are as RFC 4180 says', () => {
    const at = new Date('2026-11-22T02:00:00Z');
    const rows = [['a,b', 'say "so"', 7, 7_300_000_000_000_000_001n, at, undefined, true]];
    assert.equal(
      renderCsv(['one', 'two', 'three', 'four', 'five', 'six', 'seven'], rows),
      'one,two,three,four,five,six,seven\r\n"a,b","say ""so""",7,7300000000000000001,2026-11-22T02:00:00.000Z,,true\r\n',
    );
    assert.equal(renderCsv(['a'], [['two\nlines']]), 'a\r\n"two\nlines"\r\n');
  });

  it('begin no formula in a spreadsheet', () => {
    for (const text of ['=1+1', '+1', '-1', '@sum', '\t=1', ' =1', '=cmd|"/c calc"!A1'])
      assert.match(renderCsv([], [[text]]), /^\r\n"?'/, text);
    assert.equal(renderCsv([], [[-1, 'a=b', 'x-1']]), '\r\n-1,a=b,x-1\r\n');
  });

  it('keep the ends of their lines on their way out, and nothing else that moves a cursor', () => {
    const text = rendered(rows => renderCsv(['label'], rows), [['a\r\n\u001b[2Jb']]);
    assert.equal(visibleLines(text), 'label\r\na \\u001b[2Jb\r\n');
  });
});
