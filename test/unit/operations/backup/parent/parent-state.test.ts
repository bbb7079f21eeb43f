import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import { beforeEach, describe, it } from 'vitest';
import { Secret } from '../../../../../src/base/secret.ts';
import { ParentState } from '../../../../../src/operations/backup/parent/parent-state.ts';
import { newHostSecret, parseHostSecret } from '../../../../../src/repository/encoding/host-secret.ts';
import type { BackupRecord } from '../../../../../src/repository/format/backup-record.ts';
import { createSmallObject } from '../../../../../src/repository/format/json-object.ts';
import { pageDigestsKey } from '../../../../../src/repository/format/layout.ts';
import { sealPageDigests, type FileDigests } from '../../../../../src/repository/format/page-digests.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { backup } from '../../../../support/cleanup-state.ts';
import { makeRepository, signal, system } from '../../../../support/site/archive.ts';

const secret = parseHostSecret(new Secret(newHostSecret()));

describe('what the parent has of each page', () => {
  let repository: Repository;
  const lineage: BackupRecord[] = [];
  beforeEach(async () => {
    repository = await makeRepository();
    lineage.length = 0;
  });

  /** Adds a backup with one part for each list of files. */
  async function add(id: string, ...parts: FileDigests[][]): Promise<void> {
    for (const [index, files] of parts.entries()) {
      const place = { system, id, part: index + 1, secret };
      const sealed = sealPageDigests(place, files);
      assert.ok(sealed);
      await createSmallObject(repository.store, pageDigestsKey(system, id, index + 1), sealed, signal);
    }
    const { record } = backup({ id, at: 1, segments: [1, 2] });
    const numbered = parts.map((_, index) => ({
      ...{ number: index + 1, name: `parts/00000${index + 1}.tar` },
      ...{ storedSizeBytes: 1, storedSha256: 'ab'.repeat(32) },
    }));
    lineage.push({ ...record, fileCount: 10, parts: numbered });
  }

  async function shown(...paths: string[]): Promise<(string | undefined)[]> {
    await using state = await ParentState.read({ repository, system, secret, lineage, signal });
    const texts: (string | undefined)[] = [];
    for (const path of paths) {
      const pages = await state.pagesOf(path);
      const bytes = Buffer.alloc(8 * (pages?.pageCount ?? 0));
      if (pages !== undefined && bytes.length > 0) readSync(pages.fd, bytes, 0, bytes.length, pages.position);
      texts.push(pages && [...bytes].filter((_, at) => at % 8 === 0).join(' '));
    }
    return texts;
  }

  const digests = (...bytes: number[]) => Buffer.concat(bytes.map(byte => Buffer.alloc(8, byte)));
  const whole = (path: string, ...bytes: number[]): FileDigests => ({
    ...{ path, pageCount: bytes.length },
    digests: digests(...bytes),
  });
  const some = (path: string, pageCount: number, changed: Readonly<Record<number, number>>): FileDigests => ({
    ...{ path, pageCount, pages: Uint32Array.from(Object.keys(changed), Number) },
    digests: digests(...Object.values(changed)),
  });

  it('is what a full backup has, in whichever part', async () => {
    await add('full', [whole('base/5/1', 1, 2), whole('base/5/2')], [whole('base/5/3', 9)]);
    assert.deepEqual(await shown('base/5/1', 'base/5/2', 'base/5/3', 'base/5/4'), [
      '1 2',
      '',
      '9',
      undefined,
    ]);
  });

  it('is what each later backup has over it: pages, lengths, whole files', async () => {
    await add('full', [whole('base/5/1', 1, 2, 3), whole('base/5/2', 4), whole('base/5/3', 5)]);
    await add('day', [some('base/5/1', 4, { 1: 7, 3: 8 }), whole('base/5/2', 6, 6), some('base/5/3', 1, {})]);
    await add('hour', [some('base/5/1', 2, { 0: 9 }), some('base/5/2', 2, { 1: 3 }), whole('base/5/4', 2)]);
    assert.deepEqual(await shown('base/5/1', 'base/5/2', 'base/5/4'), ['9 7', '6 3', '2']);
    lineage.pop();
    assert.deepEqual(await shown('base/5/1', 'base/5/2', 'base/5/3'), ['1 7 3 8', '6 6', '5']);
  });

  it('is nothing of a file that is gone since', async () => {
    await add('full', [whole('base/5/1', 1), whole('base/5/2', 2)]);
    await add('day', [some('base/5/2', 1, {})]);
    assert.deepEqual(await shown('base/5/1', 'base/5/2'), [undefined, '2']);
  });

  it('is nothing of a part whose digests are missing: its files are copied whole', async () => {
    await add('full', [whole('base/5/1', 1)], [whole('base/5/2', 2)]);
    await repository.store.delete([pageDigestsKey(system, 'full', 1)], { signal });
    assert.deepEqual(await shown('base/5/1', 'base/5/2'), [undefined, '2']);
  });

  it('is not known where digests do not open, or pages have no file that they belong to', async () => {
    await add('full', [whole('base/5/1', 1)]);
    await add('day', [some('base/5/9', 1, { 0: 1 })]);
    await assert.rejects(shown('base/5/1'), {
      code: 'damaged',
      message: /base\/5\/9.*which its parent has not/,
    });
    lineage.pop();
    const other = parseHostSecret(new Secret(newHostSecret()));
    await assert.rejects(ParentState.read({ repository, system, secret: other, lineage, signal }), {
      code: 'damaged',
    });
  });
});
