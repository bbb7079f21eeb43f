import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { parseFields, type Fields } from '../../../../src/repository/format/fields.ts';

const fieldsOf = (value: unknown) => parseFields(JSON.stringify(value), 'the object');

describe('the reader of JSON fields', () => {
  it('takes an object and nothing else', () => {
    for (const text of ['', '{', '[]', 'null', '7', '"text"'])
      assert.throws(() => parseFields(Buffer.from(text), 'the object'), {
        code: 'damaged',
        message: /^the object: not/,
      });
  });

  const reads: [string, (fields: Fields) => unknown, unknown, readonly unknown[]][] = [
    ['a text', fields => fields.text('it'), 'x', [7, null, {}]],
    ['a number', fields => fields.number('it'), 7, [-1, 0.5, 2 ** 53, '7', null]],
    ['a flag', fields => fields.flag('it'), true, ['true', 0]],
    ['one of several', fields => fields.oneOf('it', ['x', 'y']), 'x', ['z', 1]],
    ['a pattern', fields => fields.matching('it', /^x$/), 'x', ['xx', 1]],
    ['texts', fields => fields.texts('it'), ['x'], ['x', [7], {}]],
    ['objects', fields => fields.items('it').length, [{}], [{}, ['x'], [null]]],
    ['an object', fields => fields.object('it').has('x'), {}, ['x', [], null]],
    ['a time', fields => fields.time('it'), '2026-01-01T00:00:00Z', ['soon', 7]],
    ['what a parser takes', fields => fields.parsed('it', BigInt), '7', ['seven', 7]],
  ];
  for (const [what, read, right, wrong] of reads)
    it(`checks ${what}`, () => {
      assert.doesNotThrow(() => read(fieldsOf({ it: right })));
      for (const value of [undefined, ...wrong])
        assert.throws(() => read(fieldsOf({ it: value })), {
          code: 'damaged',
          message: /^the object: "it(\[0\])?" is missing/,
        });
    });

  it('gives what was asked for in its place where a field is missing or wrong', () => {
    const fields = fieldsOf({ host: 7 });
    assert.equal(fields.text('host', 'unknown'), 'unknown');
    assert.equal(fields.number('size', 0), 0);
    assert.deepEqual(fields.time('time', new Date(0)), new Date(0));
  });

  it('shows a value in a message, whatever it is', () => {
    const deep = `{"it": ${'['.repeat(9_000)}${']'.repeat(9_000)}}`;
    assert.equal(parseFields(deep, 'the object').shown('it'), 'an array');
    assert.equal(fieldsOf({ it: { x: 1 } }).shown('it'), 'an object');
    assert.equal(fieldsOf({ it: 'x'.repeat(1000) }).shown('it'), `${'x'.repeat(80)}…`);
    for (const [value, text] of [
      ['2', '2'],
      [2, '2'],
      [null, 'null'],
      [undefined, 'nothing'],
    ])
      assert.equal(fieldsOf({ it: value }).shown('it'), text);
  });
});
