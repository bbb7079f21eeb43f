import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  alignedBuffer,
  pagedBuffer,
  wholeBuffer,
  wholePages,
} from '../../../../src/base/bytes/aligned-buffer.ts';

const pageBytes = 4096;

describe('whole pages', () => {
  it('hold the content, and zeros in place of what the memory held before', () => {
    const content = pagedBuffer(3 * pageBytes)
      .fill(7)
      .subarray(0, pageBytes + 1);
    const pages = wholePages(content);
    assert.ok(pages !== undefined);
    assert.equal(pages.length, 2 * pageBytes);
    assert.deepEqual([pages[pageBytes], pages[pageBytes + 1], pages.at(-1)], [7, 0, 0]);
    assert.equal(wholeBuffer(content.buffer)[2 * pageBytes], 7, 'the next page is left alone');
  });

  it('are not to be had of any other memory', () => {
    const paged = pagedBuffer(2 * pageBytes).fill(7);
    assert.equal(wholePages(paged.subarray(1)), undefined);
    assert.equal(wholePages(alignedBuffer(pageBytes)), undefined);
    assert.equal(wholePages(Buffer.alloc(pageBytes)), undefined);
    assert.ok(paged.every(byte => byte === 7));
  });
});
