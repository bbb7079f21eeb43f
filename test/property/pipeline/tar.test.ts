import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { collect, type ByteStream } from '../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../src/base/errors/errors.ts';
import {
  readTar,
  tarHeader,
  tarPadding,
  tarTrailer,
  type TarEntry,
} from '../../../src/pipeline/tar/index.ts';
import { everything, inChunks, withFlippedBit } from '../../support/streams.ts';

const blockBytes = 512;

interface Member {
  readonly entry: TarEntry;
  readonly content: Uint8Array;
}

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 120 })
  .filter(text => !/[/\0]/.test(text) && text !== '.' && text !== '..' && text.isWellFormed());
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(parts => parts.join('/'));
const id = fc.oneof(fc.nat(70_000), fc.integer({ min: 0, max: 2 ** 32 - 2 }));
const common = {
  path,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  mtimeMs: fc.integer({ min: 0, max: 4_000_000_000 }).map(seconds => seconds * 1000),
  uid: id,
  gid: id,
};
const file = fc
  .record({ ...common, content: fc.uint8Array({ maxLength: 1600 }) })
  .map(({ content, ...rest }): Member => ({
    entry: { ...rest, type: 'file', sizeBytes: content.length },
    content,
  }));
const empty = new Uint8Array(0);
const directory = fc
  .record(common)
  .map((rest): Member => ({ entry: { ...rest, type: 'directory', sizeBytes: 0 }, content: empty }));
const symlink = fc
  .record({ ...common, linkTarget: path })
  .map((rest): Member => ({ entry: { ...rest, type: 'symlink', sizeBytes: 0 }, content: empty }));
const members = fc.array(fc.oneof(file, directory, symlink), { maxLength: 6 });

function archiveOf(list: readonly Member[]): Buffer {
  const parts = list.flatMap(({ entry, content }) => [tarHeader(entry), content, tarPadding(content.length)]);
  return Buffer.concat([...parts, tarTrailer]);
}

async function readAll(source: ByteStream): Promise<Member[]> {
  const found: Member[] = [];
  for await (const { entry, content } of readTar(source))
    found.push({ entry, content: new Uint8Array(await collect(content, everything)) });
  return found;
}

function isDamaged(error: unknown): boolean {
  return error instanceof WalvaultError && error.code === 'damaged';
}

test('tar: round trip of any members in any chunks', async () => {
  await fc.assert(
    fc.asyncProperty(members, fc.integer({ min: 1, max: 5000 }), async (list, chunkBytes) => {
      assert.deepEqual(await readAll(inChunks(archiveOf(list), chunkBytes)), list);
    }),
  );
});

test('tar: cut anywhere, an archive is damaged', async () => {
  await fc.assert(
    fc.asyncProperty(members, fc.nat(), async (list, seed) => {
      const archive = archiveOf(list);
      await assert.rejects(readAll(inChunks(archive.subarray(0, seed % archive.length), 700)), isDamaged);
    }),
  );
});

test('tar: a flipped bit outside the contents is damaged', async () => {
  await fc.assert(
    fc.asyncProperty(file, fc.nat(), async (member, seed) => {
      const archive = archiveOf([member]);
      const headerBytes = tarHeader(member.entry).length;
      const others = headerBytes + archive.length - (headerBytes + member.content.length);
      const bit = seed % (others * 8);
      const position = bit < headerBytes * 8 ? bit : bit + member.content.length * 8;
      const outcome = await readAll(inChunks(withFlippedBit(archive, position), 700)).catch(
        (error: unknown) => error,
      );
      if (!Array.isArray(outcome)) assert.ok(isDamaged(outcome));
      else if (isInChecksum(position, headerBytes)) assert.deepEqual(outcome, [member]);
      else assert.ok(isInPaxText(position, headerBytes), `bit ${position}`);
    }),
    { numRuns: 400 },
  );
});

/** The text of extended headers has no checksum of its own: zstd's, the MDC and the manifest's digest cover it. */
function isInPaxText(bit: number, headerBytes: number): boolean {
  const byte = bit >> 3;
  return byte >= blockBytes && byte < headerBytes - blockBytes;
}

/** A checksum's leading zero and the blank and zero after it may be spelled either way: it is the same number. */
function isInChecksum(bit: number, headerBytes: number): boolean {
  const byte = bit >> 3;
  const inBlock = byte % blockBytes;
  return byte < headerBytes && !isInPaxText(bit, headerBytes) && inBlock >= 148 && inBlock < 156;
}
