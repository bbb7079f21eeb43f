import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { visibleText } from '../../../src/base/visible-text.ts';

describe('text that is a part of one line', () => {
  test('has a blank in the place of line breaks and the blanks around them', () => {
    for (const [text, shown] of [
      ['', ''],
      ['  one  ', '  one  '],
      ['one\ntwo', 'one two'],
      [' one \r\n\n \t two \n three ', ' one two three '],
      ['one\n', 'one '],
      ['\n \n', ' '],
    ] as const)
      assert.equal(visibleText(text), shown, JSON.stringify(text));
  });

  test('is made in time, however many blanks it has', () => {
    const blanks = ' '.repeat(1024 ** 2);
    assert.equal(visibleText(`${blanks}\n${blanks}x${blanks}`), ` x${blanks}`);
  });
});
