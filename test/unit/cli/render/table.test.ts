import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { renderTable, type Column } from '../../../../src/cli/render/table.ts';
import { cutToWidth, displayWidth } from '../../../../src/cli/render/text-width.ts';

describe('the width of a text', () => {
  it('is two columns for letters of East Asia and emoji, none for marks', () => {
    for (const [text, width] of [
      ['', 0],
      ['backup', 6],
      ['über', 4],
      ['u\u0308ber', 4],
      ['日本語', 6],
      ['한국', 4],
      ['ｆｕｌｌ', 8],
      ['🎉 done', 7],
      ['❤️', 2],
      ['π ≠ 3', 5],
    ] as const)
      assert.equal(displayWidth(text), width, text);
  });

  it('is what is left of a text that is cut, and no character is cut in two', () => {
    assert.equal(cutToWidth('nightly', 7), 'nightly');
    assert.equal(cutToWidth('nightly', 6), 'nig...');
    assert.equal(cutToWidth('日本語日本語', 8), '日本...');
    assert.equal(cutToWidth('a 🎉🎉🎉', 6), 'a...');
    for (let width = 0; width < 14; width++)
      assert.ok(displayWidth(cutToWidth('日本語 u\u0308ber 🎉', width)) <= width, String(width));
  });
});

const columns: readonly Column[] = [
  { title: 'ID' },
  { title: 'SIZE', align: 'right', leaveOut: 2 },
  { title: 'PARENT', leaveOut: 1 },
  { title: 'REMARKS', isFlexible: true },
];
const rows = [
  ['b1', '1.0 GiB', '', 'label "夜のバックアップ", pinned'],
  ['b2', '12 B', 'b1', 'an unusually long remark about this one'],
];

describe('a table', () => {
  it('without a width has everything, in columns that stand one below the other', () => {
    assert.equal(
      renderTable(columns, rows),
      [
        'ID     SIZE  PARENT  REMARKS',
        'b1  1.0 GiB          label "夜のバックアップ", pinned',
        'b2     12 B  b1      an unusually long remark about this one',
        '',
      ].join('\n'),
    );
    const names = [
      ['日本', 'x'],
      ['ab', 'y'],
    ];
    assert.equal(renderTable([{ title: 'N' }, { title: 'M' }], names), 'N     M\n日本  x\nab    y\n');
    assert.equal(renderTable(columns, []), 'ID  SIZE  PARENT  REMARKS\n');
  });

  it('fits a width: texts are cut, and columns left out where that is not enough', () => {
    const fits = (width: number) => {
      const lines = renderTable(columns, rows, width).trimEnd().split('\n');
      for (const line of lines) assert.ok(displayWidth(line) <= width, `${width}: ${line}`);
      return lines;
    };
    assert.deepEqual(fits(100)[0], 'ID     SIZE  PARENT  REMARKS');
    assert.deepEqual(fits(40), [
      'ID     SIZE  PARENT  REMARKS',
      'b1  1.0 GiB          label "夜のバッ...',
      'b2     12 B  b1      an unusually lon...',
    ]);
    assert.deepEqual(fits(30)[0], 'ID     SIZE  REMARKS');
    assert.deepEqual(fits(22), ['ID  REMARKS', 'b1  label "夜のバッ...', 'b2  an unusually lo...']);
  });

  it('that cannot be made to fit keeps what must not be left out', () => {
    assert.deepEqual(renderTable(columns, rows, 5).split('\n')[0], 'ID  REMARKS');
  });
});
