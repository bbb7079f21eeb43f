import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'vitest';
import { collect } from '../../../../../src/base/bytes/streams.ts';
import { HighwayKey } from '../../../../../src/base/checksum/highway-hash.ts';
import type { PartMember } from '../../../../../src/operations/backup/part/backup-entry.ts';
import type { AuditRules } from '../../../../../src/operations/backup/part/part-task.ts';
import { emptyContent } from '../../../../../src/operations/backup/part/part-options.ts';
import { streamPart } from '../../../../../src/operations/backup/part/part-stream.ts';
import { openLocalFiles } from '../../../../../src/operations/backup/part/read-file.ts';
import { TarBuffer } from '../../../../../src/operations/backup/part/tar-buffer.ts';
import { readTar } from '../../../../../src/pipeline/tar/index.ts';
import { PageBuffer } from '../../../../../src/postgres/cluster/page-buffer.ts';
import { parseIncrementalHeader } from '../../../../../src/postgres/cluster/incremental/header.ts';
import type { NamedBlocks } from '../../../../../src/postgres/wal/summaries/segment-changes.ts';
import { silentLog } from '../../../../support/logs.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const layout = { blockSizeBytes: 8192, relationSegmentBlocks: 131_072 };
const digestKey = new HighwayKey(Buffer.alloc(32, 7));
const pages = (letters: string) =>
  Buffer.concat(Array.from(letters, letter => Buffer.alloc(layout.blockSizeBytes, letter)));

/** The member of the tar that the file becomes, when the parent has had it with these pages; undefined: it had none. */
async function copy(
  path: string,
  now: Buffer,
  before: Buffer | undefined,
  { named, audit }: { readonly named?: readonly number[]; readonly audit?: AuditRules } = {},
) {
  const directory = temporaryDirectory('changed');
  const sourcePath = join(directory, path);
  mkdirSync(dirname(sourcePath), { recursive: true });
  const member = { path, type: 'file', sizeBytes: 0, mode: 0o600, mtimeMs: 0, sourcePath } as const;
  if (before === undefined) {
    writeFileSync(sourcePath, now);
    return await stream(member);
  }
  writeFileSync(sourcePath, before);
  const [digests] = (await stream(member)).content.digests;
  assert.ok(digests);
  const spool = join(directory, 'spool');
  writeFileSync(spool, Buffer.concat([Buffer.from('before'), digests.digests]));
  writeFileSync(sourcePath, now);
  const fd = openSync(spool, 'r');
  try {
    const parentPages = { fd, position: 6, pageCount: digests.pageCount };
    return await stream({ ...member, parentPages, named: named && namesOf(named) }, audit);
  } finally {
    closeSync(fd);
  }
}

function namesOf(blocks: readonly number[]): NamedBlocks {
  return { isOtherDatabase: false, limitBlocks: undefined, blocks: Uint32Array.from(blocks) };
}

async function stream(member: PartMember, audit?: AuditRules) {
  const content = emptyContent();
  const options = {
    ...layout,
    open: openLocalFiles({ uid: 0, gid: 0 }),
    buffer: new TarBuffer(new PageBuffer(64 * 1024)),
    pages: undefined,
    withCrc32c: true,
    digestKey,
    audit,
    owner: { uid: 0, gid: 0 },
    mayRead: () => undefined,
    log: silentLog,
    signal: new AbortController().signal,
  };
  async function* plain() {
    for await (const piece of streamPart([member], options, content)) yield Buffer.from(piece);
  }
  for await (const { entry, content: bytes } of readTar(plain()))
    return { name: entry.path, bytes: await collect(bytes, 1e9), content };
  throw new Error('no member');
}

describe('a relation file that the parent has', () => {
  it('becomes an incremental file with the pages that have changed, across all steps of the buffer', async () => {
    const before = 'abcdefghijklmnopqrstuvwxyz'.repeat(2);
    const now = `${before.slice(0, 3)}XY${before.slice(5, 40)}Z${before.slice(41)}!`;
    const { name, bytes, content } = await copy('base/5/16384', pages(now), pages(before));
    assert.equal(name, 'base/5/INCREMENTAL.16384');
    const header = parseIncrementalHeader(bytes.subarray(0, 8192), bytes.length, layout);
    assert.deepEqual([...header.blocks], [3, 4, 40, 52]);
    assert.equal(header.truncationBlocks, now.length);
    assert.deepEqual(bytes.subarray(8192), pages('XYZ!'));
    const [digests] = content.digests;
    assert.deepEqual([digests?.pageCount, ...(digests?.pages ?? [])], [now.length, 3, 4, 40, 52]);
    assert.equal(content.copied[0]?.relationBytes, now.length * 8192);
    assert.equal(content.copied[0]?.sizeBytes, bytes.length);
  });

  it('becomes one without pages where nothing has changed, or only the end is gone', async () => {
    for (const now of ['abcdef', 'abc']) {
      const { name, bytes } = await copy('global/1260', pages(now), pages('abcdef'));
      assert.equal(name, 'global/INCREMENTAL.1260');
      assert.equal(bytes.length, 12);
      assert.equal(parseIncrementalHeader(bytes, 12, layout).truncationBlocks, now.length);
    }
  });

  it('is whole where it is empty, ends within a page, or most of it has changed', async () => {
    const before = pages('abcdefghij');
    for (const now of [Buffer.alloc(0), Buffer.concat([before, Buffer.from('x')]), pages('ABCDEFGHIJ')]) {
      const { name, bytes } = await copy('base/5/16384', now, before);
      assert.equal(name, 'base/5/16384');
      assert.deepEqual(bytes, now);
    }
  });

  it('is whole where the parent has none, and in its other forks', async () => {
    assert.equal((await copy('base/5/16384', pages('ab'), undefined)).name, 'base/5/16384');
    for (const path of ['base/5/16384_vm', 'base/5/16384_fsm', 'base/5/16384_init', 'base/5/PG_VERSION'])
      assert.deepEqual((await copy(path, pages('ab'), undefined)).content.digests, []);
  });
});

describe('a relation file of which WAL summaries name the changed pages', () => {
  const before = 'abcdefghij';
  const now = 'aXcdefgYijkl';

  it('becomes an incremental file with these, and those that the parent does not reach; others are not looked at', async () => {
    const { name, bytes, content } = await copy('base/5/16384', pages(now), pages(before), { named: [7] });
    assert.equal(name, 'base/5/INCREMENTAL.16384');
    const header = parseIncrementalHeader(bytes.subarray(0, 8192), bytes.length, layout);
    assert.deepEqual([...header.blocks], [7, 10, 11]);
    assert.deepEqual(bytes.subarray(8192), pages('Ykl'));
    const [digests] = content.digests;
    assert.deepEqual([digests?.pageCount, ...(digests?.pages ?? [])], [12, 7, 10, 11]);
    assert.equal(content.missed.count, 0);
  });

  it('is whole where they say so', async () => {
    const { name } = await copy('base/5/16384', pages(now), pages(before), {
      named: [0, 1, 2, 3, 4, 5, 6, 7, 8],
    });
    assert.equal(name, 'base/5/16384');
  });

  it('is read in an audit, which stores all that has changed, and tells what they miss', async () => {
    const audit = { fromLsn: 0n, toLsn: 2n ** 64n - 1n, logsEveryChange: false };
    const { bytes, content } = await copy('base/5/16384', pages(now), pages(before), { named: [7], audit });
    const header = parseIncrementalHeader(bytes.subarray(0, 8192), bytes.length, layout);
    assert.deepEqual([...header.blocks], [1, 7, 10, 11]);
    assert.deepEqual(
      [content.missed.count, content.missed.first.map(({ path, page }) => `${path} ${page}`)],
      [1, ['base/5/16384 1']],
    );
  });
});
