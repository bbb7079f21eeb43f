import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseConfigurationLine } from '../../../../src/postgres/cluster/configuration-line.ts';

for (const [line, expected] of [
  ['work_mem = 4MB', ['work_mem', '4MB']],
  ["  Work_Mem='4MB'# note", ['work_mem', '4MB']],
  ['work_mem 4MB   # note', ['work_mem', '4MB']],
  ["include_dir 'conf.d'", ['include_dir', 'conf.d']],
  ["my.setting = 'it''s \\\\ \\101\\n'", ['my.setting', "it's \\ A\n"]],
  ["empty = ''", ['empty', '']],
  ['max = -1', ['max', '-1']],
  ['# work_mem = 4MB', undefined],
  ['', undefined],
  ['alone', undefined],
  ["open = 'without an end", undefined],
  ['two = words here', undefined],
] as const)
  test(`a line of postgresql.conf: ${JSON.stringify(line)}`, () => {
    const parsed = parseConfigurationLine(line);
    assert.deepEqual(parsed && [parsed.name, parsed.value], expected);
  });
