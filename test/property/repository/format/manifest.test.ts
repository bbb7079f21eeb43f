import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { streamOf } from '../../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import {
  comparePaths,
  encodeManifest,
  isSafePath,
  readManifest,
  type ManifestEntry,
} from '../../../../src/repository/format/manifest.ts';

const pathPart = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter(part => isSafePath(part) && !part.includes('/'));
const entry: fc.Arbitrary<ManifestEntry> = fc
  .record({
    path: fc.array(pathPart, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/')),
    isFile: fc.boolean(),
    sizeBytes: fc.nat(),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    mtimeMs: fc.nat(),
    sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes).toString('hex')),
    part: fc.nat({ max: 999_999 }),
  })
  .map(({ isFile, sha256, part, ...rest }) =>
    isFile ? { ...rest, type: 'file', sha256, part } : { ...rest, type: 'directory' },
  );
const entries = fc
  .uniqueArray(entry, { selector: ({ path }) => path, maxLength: 30 })
  .map(list => list.toSorted((a, b) => comparePaths(a.path, b.path)));

async function encode(list: readonly ManifestEntry[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeManifest('ID', list)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function decode(data: Buffer, splitAt: readonly number[] = []): Promise<ManifestEntry[]> {
  const cuts = [0, ...splitAt.map(at => at % (data.length + 1)), data.length].toSorted((a, b) => a - b);
  const pieces = cuts.slice(1).map((end, index) => data.subarray(cuts[index], end));
  const list: ManifestEntry[] = [];
  for await (const item of readManifest(streamOf(...pieces), 'ID')) list.push(item);
  return list;
}

describe('a manifest', () => {
  it('comes back as it was written, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.array(fc.nat(), { maxLength: 8 }), async (list, cuts) => {
        assert.deepEqual(await decode(await encode(list), cuts), list);
      }),
    );
  });

  it('is never taken for whole when it was truncated', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(), async (list, at) => {
        const data = await encode(list);
        await assert.rejects(decode(data.subarray(0, at % data.length)), WalvaultError);
      }),
    );
  });

  it('refuses another backup, wrong order, wrong counts and paths that lead outside', async () => {
    const line = (path: string) =>
      JSON.stringify({ path, type: 'directory', size: 0, mode: '700', mtime: 1 });
    const head = '{"format":1,"backup":"ID"}';
    for (const [text, reason] of [
      ['{"format":1,"backup":"OTHER"}\n{"entries":0}\n', /not the manifest of ID/],
      [`${head}\n${line('b')}\n${line('a')}\n{"entries":2}\n`, /out of order/],
      [`${head}\n${line('a')}\n${line('a')}\n{"entries":2}\n`, /out of order/],
      [`${head}\n${line('base/5/1')}\n${line('base/5/INCREMENTAL.1')}\n{"entries":2}\n`, /out of order/],
      [`${head}\n${line('base/5/3')}\n${line('base/5/INCREMENTAL.2')}\n{"entries":2}\n`, /out of order/],
      [`${head}\n${line('a')}\n{"entries":2}\n`, /holds 1 entries/],
      [`${head}\n{"entries":0}\n${line('a')}\n`, /lines after/],
      [`${head}\n${line('../etc/passwd')}\n{"entries":1}\n`, /impossible path/],
      [`${head}\n${line('/etc/passwd')}\n{"entries":1}\n`, /impossible path/],
      [`${head}\n${line('a//b')}\n{"entries":1}\n`, /impossible path/],
      [
        `${head}\n{"path":"a","type":"symlink","size":0,"mode":"700","mtime":1}\n{"entries":1}\n`,
        /malformed entry/,
      ],
      [`${head}\n${'x'.repeat(70_000)}`, /excessive length/],
    ] as const) {
      await assert.rejects(decode(Buffer.from(text)), { code: 'damaged', message: reason });
    }
  });
});
