import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Inventory } from '../../../../../src/operations/backup/collect/inventory.ts';
import type { BackupEntry } from '../../../../../src/operations/backup/part/backup-entry.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const entryOf = (number: number): BackupEntry => ({
  path: `d/${String(number).padStart(6, '0')} "ümläut"\n`,
  type: 'file',
  sizeBytes: number,
  mode: 0o600,
  mtimeMs: number,
  sourcePath: `/data/${number}`,
});
const digestOf = (number: number) => number.toString(16).padStart(64, '0');

test('entries come back by their numbers, however these are spread', async () => {
  await using inventory = await Inventory.create(temporaryDirectory('inventory'));
  for (let number = 0; number < 500; number++) await inventory.add(entryOf(number));
  for (const numbers of [[0], [499], [0, 1, 2, 31, 32, 33, 100, 101, 450, 499], [63, 64], []])
    assert.deepEqual(await inventory.members(Uint32Array.from(numbers)), numbers.map(entryOf));
});

test('what was copied comes in the order of the entries, whatever the order of the parts; the vanished are left out', async () => {
  await using inventory = await Inventory.create(temporaryDirectory('inventory'));
  const count = 200;
  for (let number = 0; number < count; number++) await inventory.add(entryOf(number));
  const isVanished = (number: number) => number % 7 === 3 || number > 190;
  const numbersOf = (part: number) =>
    Array.from({ length: count }, (_, number) => number).filter(number => number % 3 === part);
  for (const part of [2, 0, 1]) {
    const numbers = numbersOf(part);
    const copied = numbers.flatMap((number, member) =>
      isVanished(number)
        ? []
        : [
            {
              member,
              sizeBytes: number * 2,
              mode: 0o640,
              mtimeMs: 1e12 + number,
              sha256: digestOf(number),
              crc32c: 0xffff_0000 + number,
            },
          ],
    );
    await inventory.note({ numbers: Uint32Array.from(numbers), part, copied });
  }
  const expected = Array.from({ length: count }, (_, number) => number)
    .filter(number => !isVanished(number))
    .map(number => ({
      path: entryOf(number).path,
      type: 'file',
      sizeBytes: number * 2,
      mode: 0o640,
      mtimeMs: 1e12 + number,
      sha256: digestOf(number),
      part: number % 3,
      crc32c: 0xffff_0000 + number,
    }));
  for (let round = 0; round < 2; round++)
    assert.deepEqual(await Array.fromAsync(inventory.copied()), expected);
});

test('a directory has neither digest nor part', async () => {
  await using inventory = await Inventory.create(temporaryDirectory('inventory'));
  await inventory.add({ ...entryOf(0), type: 'directory' });
  await inventory.note({
    numbers: Uint32Array.of(0),
    part: 1,
    copied: [{ member: 0, sizeBytes: 0, mode: 0o700, mtimeMs: 5 }],
  });
  assert.deepEqual(await Array.fromAsync(inventory.copied()), [
    { path: entryOf(0).path, type: 'directory', sizeBytes: 0, mode: 0o700, mtimeMs: 5 },
  ]);
});
