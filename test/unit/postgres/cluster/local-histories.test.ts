import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { readLocalHistories, readLocalHistory } from '../../../../src/postgres/cluster/local-histories.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const second = '1\t0/3000158\tno recovery target specified\n';
const third = `${second}2\t0/5000000\tbefore 2026-11-22 10:00:00+00\n`;

function walDirectoryWith(files: Readonly<Record<string, string>>): string {
  const walDirectory = temporaryDirectory('histories', { keepOwner: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(walDirectory, name), text);
  return walDirectory;
}

it('reads each history, and nothing else that lies there', () => {
  const walDirectory = walDirectoryWith({
    '00000002.history': second,
    '00000003.history': third,
    '00000004.history.tmp': 'half a line',
    '0000000a.history': 'PostgreSQL writes no such name',
    '000000010000000000000003': '',
  });
  const histories = readLocalHistories(walDirectory);
  assert.deepEqual(new Set(histories.keys()), new Set([2, 3]));
  assert.deepEqual(
    histories.get(3)?.map(({ timeline, switchpoint }) => [timeline, switchpoint]),
    [
      [1, 0x300_0158n],
      [2, 0x500_0000n],
    ],
  );
  assert.deepEqual(readLocalHistory(walDirectory, 2), histories.get(2));
  assert.equal(readLocalHistory(walDirectory, 4), undefined);
});

it('leaves out a history that is damaged or cut short, and names it where it alone is asked for', () => {
  for (const text of ['1\n', '1\t0/', '2\t0/3000000\n1\t0/2000000\n', '\0\0\0\0', '', '<html>']) {
    const walDirectory = walDirectoryWith({ '00000002.history': second, '00000003.history': text });
    const says = { code: 'damaged', message: /00000003\.history: line \d/ };
    assert.deepEqual([...readLocalHistories(walDirectory).keys()], [2], JSON.stringify(text));
    assert.throws(() => readLocalHistory(walDirectory, 3), says, JSON.stringify(text));
  }
});

it('says which directory or file cannot be read', () => {
  const walDirectory = walDirectoryWith({});
  assert.throws(() => readLocalHistories(join(walDirectory, 'missing')), {
    code: 'local-io',
    message: /missing/,
  });
  mkdirSync(join(walDirectory, '00000002.history'));
  assert.throws(() => readLocalHistories(walDirectory), { code: 'local-io', message: /00000002\.history/ });
});
