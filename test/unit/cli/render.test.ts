import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { renderJson } from '../../../src/cli/render/json.ts';
import { renderTable } from '../../../src/cli/render/table.ts';

describe('a table', () => {
  test('is aligned, numbers to the right, without trailing blanks', () => {
    const columns = [{ title: 'NAME' }, { title: 'SIZE', align: 'right' as const }, { title: 'NOTE' }];
    assert.equal(
      renderTable(columns, [['a', '5 B', ''], ['longer', '1.2 GiB', 'x']]),
      'NAME       SIZE  NOTE\na           5 B\nlonger  1.2 GiB  x\n',
    ); // prettier-ignore
    assert.equal(renderTable(columns, []), 'NAME  SIZE  NOTE\n');
  });
});

describe('JSON', () => {
  test('keeps every digit, hides secrets, ends with a newline', () => {
    const value = { systemId: 7_300_000_000_000_000_001n, time: new Date(0), secret: new Secret('x') };
    assert.equal(
      renderJson(value),
      '{\n  "systemId": "7300000000000000001",\n  "time": "1970-01-01T00:00:00.000Z",\n  "secret": "***"\n}\n',
    );
  });
});
