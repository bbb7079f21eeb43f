import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { streamOf } from '../../../../../src/base/bytes/streams.ts';
import { blocksWithin } from '../../../../../src/postgres/wal/summaries/block-set.ts';
import { readWalSummary } from '../../../../../src/postgres/wal/summaries/read-summary.ts';
import { entryOf, makeSummary, withCrc } from '../../../../support/wal/summary-writer.ts';

async function read(...chunks: Uint8Array[]): Promise<string[]> {
  const lines: string[] = [];
  await readWalSummary(streamOf(...chunks), 'a summary', {
    takeFork: (fork, limit) => lines.push([...Object.values(fork), limit].join(' ')),
    takeBlocks: (_fork, chunk, blocks) =>
      lines.push(`${chunk}: ${[...blocksWithin(blocks, 0, 65_536)].join(' ')}`),
  });
  return lines;
}

const sample = makeSummary([
  { database: 0, relation: 1262, tablespace: 1664, blocks: [0] },
  { relation: 0, limitBlock: 0 },
  { relation: 16_384, limitBlock: 7, blocks: [9, 3, 131_073] },
  { relation: 16_384, fork: 2, limitBlock: 1 },
]);
const said = [
  '1664 0 1262 0 4294967295',
  '0: 0',
  '1663 5 0 0 0',
  '1663 5 16384 0 7',
  '0: 3 9',
  '2: 1',
  '1663 5 16384 2 1',
];

test('a summary is read, however it comes', async () => {
  assert.deepEqual(await read(sample), said);
  assert.deepEqual(await read(...Array.from(sample, byte => Uint8Array.of(byte))), said);
  assert.deepEqual(await read(makeSummary([])), []);
});

test('many blocks of a chunk are a bitmap', async () => {
  const blocks = Array.from({ length: 5000 }, (_, index) => index * 13);
  assert.deepEqual((await read(makeSummary([{ blocks }])))[1], `0: ${blocks.join(' ')}`);
});

test('every cut and every changed byte is damage', async () => {
  for (let at = 0; at < sample.length; at++) {
    await assert.rejects(read(sample.subarray(0, at)), { code: 'damaged' }, `cut at ${at}`);
    const changed = Buffer.from(sample);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(read(changed), { code: 'damaged' }, `changed at ${at}`);
  }
});

describe('a summary with a good checksum', () => {
  const begin = sample.subarray(0, 4);
  const zeros = Buffer.alloc(24);
  const fork = [1663, 5, 16_384, 0, 7];
  test.each([
    ['another magic number', withCrc(Buffer.alloc(28)), /does not begin/],
    ['no tablespace', withCrc(Buffer.concat([begin, entryOf([0, 5, 1, 0, 0, 0]), zeros])), /no tablespace/],
    ['a fork that is none', withCrc(Buffer.concat([begin, entryOf([1663, 5, 1, 4, 0, 0]), zeros])), /fork 4/],
    ['too many chunks', withCrc(Buffer.concat([begin, entryOf([...fork, 65_537]), zeros])), /65537 chunks/],
    [
      'too large a chunk',
      withCrc(Buffer.concat([begin, entryOf([...fork, 1]), Buffer.of(1, 16), Buffer.alloc(8194), zeros])),
      /a chunk of 4097 words/,
    ],
    ['more behind its end', Buffer.concat([sample, Buffer.of(0)]), /goes on/],
  ])('and %s is damaged', async (_what, bytes, message) => {
    await assert.rejects(read(bytes), { code: 'damaged', message });
  });
});

test('the source is closed, also where the reading fails', async () => {
  let closed = 0;
  async function* source(bytes: Uint8Array) {
    try {
      yield bytes;
      yield bytes;
    } finally {
      closed++;
    }
  }
  const sink = { takeFork: () => undefined, takeBlocks: () => undefined };
  await assert.rejects(readWalSummary(source(Buffer.alloc(100)), 'x', sink));
  await assert.rejects(readWalSummary(source(sample), 'x', sink));
  assert.equal(closed, 2);
});
