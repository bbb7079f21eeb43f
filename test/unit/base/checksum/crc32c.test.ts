import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { crc32c, finishCrc32c, startCrc32c, updateCrc32c } from '../../../../src/base/checksum/crc32c.ts';

describe('crc32c', () => {
  it('gives the values of RFC 3720, appendix B.4', () => {
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
    assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
    assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, index) => index))), 0x46dd794e);
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    assert.equal(crc32c(Buffer.alloc(0)), 0);
  });

  it('does not depend on where the bytes are cut or begin in memory', () => {
    const data = Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * index) & 0xff));
    const whole = crc32c(data);
    for (let cut = 0; cut <= data.length; cut += 7) {
      const first = updateCrc32c(startCrc32c, data, 0, cut);
      assert.equal(finishCrc32c(updateCrc32c(first, data.subarray(cut), 0, data.length - cut)), whole);
    }
    for (let shift = 1; shift < 9; shift++)
      assert.equal(crc32c(Buffer.concat([Buffer.alloc(shift), data]).subarray(shift)), whole);
  });
});
