import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { collect } from '../../../../src/base/bytes/streams.ts';
import { readSpooled } from '../../../../src/repository/backup/entry-spool.ts';
import { verifyManifest } from '../../../../src/repository/backup/manifest-spool.ts';
import { sha256Hex } from '../../../../src/repository/format/json-object.ts';
import { pieceKey } from '../../../../src/repository/format/layout.ts';
import { encodeManifest, type ManifestEntry } from '../../../../src/repository/format/manifest.ts';
import { backup } from '../../../support/cleanup-state.ts';
import { makeRepository, signal, system } from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const file = (path: string, part: number): ManifestEntry => ({
  ...{ path, type: 'file', sizeBytes: 10, mode: 0o600, mtimeMs: 1, sha256: 'ab'.repeat(32), part },
});

/** What is spooled of a manifest with these files, of which another backup wants some. */
async function spooled(
  type: 'full' | 'incremental',
  files: readonly (readonly [path: string, part: number])[],
  wanted: readonly string[],
) {
  const repository = await makeRepository();
  const id = `20261122T020000Z-${type === 'full' ? 'full' : 'incr'}-3f2a91`;
  const plain = encodeManifest(
    id,
    files.map(([path, part]) => file(path, part)),
  );
  const stored = await collect(plain, 1e6);
  const manifest = {
    ...{ name: 'manifest.ndjson', storedSizeBytes: stored.length, storedSha256: sha256Hex(stored) },
  };
  await repository.store.put(pieceKey(system, id, manifest), [stored], {
    ...{ ifAbsent: false, objectClass: 'backup' as const, signal },
  });
  const parts = [1, 2].map(number => ({ ...manifest, number, name: `parts/00000${number}.tar` }));
  const record = { ...backup({ id, at: 1, segments: [1, 2] }).record, type, manifest, parts };
  async function* all() {
    yield* wanted;
  }
  await using verified = await verifyManifest({
    ...{ repository, system, record, wanted: all(), signal },
    spoolDirectory: temporaryDirectory('spool'),
  });
  const pathsOf = async (part: number) =>
    (await Array.fromAsync(readSpooled(verified.filesOfPart(part)))).map(({ path }) => path);
  return {
    parts: [await pathsOf(1), await pathsOf(2)],
    incrementals: await Array.fromAsync(verified.incrementals()),
  };
}

describe('the manifest of a backup that another one builds on', () => {
  const files = [
    ['base/5/1', 1],
    ['base/5/INCREMENTAL.2', 1],
    ['base/5/3', 2],
    ['base/5/PG_VERSION', 2],
  ] as const;

  it('gives the files that are wanted, and those that are wanted of the backup before it', async () => {
    assert.deepEqual(await spooled('incremental', files, ['base/5/1', 'base/5/2']), {
      parts: [['base/5/1', 'base/5/INCREMENTAL.2'], []],
      incrementals: ['base/5/2'],
    });
    assert.deepEqual((await spooled('incremental', files, ['base/5/3'])).parts, [[], ['base/5/3']]);
    assert.deepEqual((await spooled('incremental', files, [])).parts, [[], []]);
  });

  it('is damaged where it lacks one, which pg_combinebackup would leave out without a word', async () => {
    for (const wanted of [['base/5/0'], ['base/5/1', 'base/5/25'], ['base/5/9'], ['base/6/1']])
      await assert.rejects(spooled('incremental', files, wanted), {
        code: 'damaged',
        message: new RegExp(`has no "${wanted.at(-1)}"`),
      });
  });

  it('is damaged where a full backup has an incremental file', async () => {
    await assert.rejects(spooled('full', files, ['base/5/2']), {
      code: 'damaged',
      message: /in a full backup/,
    });
  });
});
