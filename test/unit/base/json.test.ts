/** JSON from outside: what takes a multiple of its size in memory is refused before it is parsed. */
import assert from 'node:assert/strict';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseJson } from '../../../src/base/json.ts';
import { encodeBackupRecord } from '../../../src/repository/format/backup-record-json.ts';
import { parseFields } from '../../../src/repository/format/fields.ts';
import { sampleRecord } from '../../support/sample-record.ts';

afterEach(() => void vi.restoreAllMocks());

const mebibyte = 1024 ** 2;

describe('dense JSON', () => {
  it.each([
    ['brackets', '['.repeat(mebibyte)],
    ['brackets that are closed', `{"a":${'['.repeat(mebibyte)}${']'.repeat(mebibyte)}}`],
    ['objects', `{"a":[${'{},'.repeat(mebibyte)}{}]}`],
    ['numbers', `{"a":[${'1,'.repeat(mebibyte)}1]}`],
    ['strings with quotes', `{"a":[${String.raw`"\"",`.repeat(mebibyte)}""]}`],
  ])('is refused before it is parsed: %s', (_, text) => {
    const parse = vi.spyOn(JSON, 'parse');
    assert.throws(() => parseJson(text), SyntaxError);
    assert.throws(() => parseFields(text, 'record'), { code: 'damaged' });
    expect(parse).not.toHaveBeenCalled();
  });
});

describe('other JSON is parsed', () => {
  it('with many values in a small message', () => {
    const values = Array.from({ length: 9_000 }, (_, index) => index % 10);
    assert.deepEqual(parseJson(JSON.stringify(values)), values);
  });

  it('with commas and brackets in strings', () => {
    const value = { text: ',[{\\"'.repeat(mebibyte / 4), end: `${'\\'.repeat(11)}"` };
    assert.deepEqual(parseJson(JSON.stringify(value)), value);
  });

  it('as a commit record of many parts', () => {
    const [part] = sampleRecord.parts;
    assert(part !== undefined);
    const parts = Array.from({ length: 20_000 }, (_, index) => ({ ...part, name: `parts/${index}.tar` }));
    const text = Buffer.from(encodeBackupRecord({ ...sampleRecord, parts })).toString();
    assert.deepEqual(parseJson(text), JSON.parse(text));
  });
});
