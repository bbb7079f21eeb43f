import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { readLines } from '../../../../src/base/bytes/lines.ts';
import { streamOf } from '../../../../src/base/bytes/streams.ts';

async function linesOf(...chunks: Uint8Array[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(streamOf(...chunks), 'the list')) lines.push(line);
  return lines;
}

test('lines come whole, wherever the bytes are cut', async () => {
  const line = fc.string({ unit: 'binary' }).map(text => text.replaceAll('\n', ' '));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.nat(), async (lines, seed) => {
      const bytes = Buffer.from(lines.map(text => `${text}\n`).join(''));
      const at = seed % (bytes.length + 1);
      assert.deepEqual(await linesOf(bytes.subarray(0, at), bytes.subarray(at)), lines);
    }),
  );
});

test('text that ends inside a line, or has one that is too long, is damaged', async () => {
  const damaged = (message: string) => ({ code: 'damaged', message });
  await assert.rejects(linesOf(Buffer.from('a\nb')), damaged('the list ends inside a line'));
  const long = Buffer.from('x'.repeat(64 * 1024 + 1));
  await assert.rejects(linesOf(long), damaged('the list has a line of excessive length'));
  await assert.rejects(linesOf(long, Buffer.from('\n')), damaged('the list has a line of excessive length'));
  await assert.rejects(
    linesOf(Buffer.concat([long, Buffer.from('\n')])),
    damaged('the list has a line of excessive length'),
  );
});
