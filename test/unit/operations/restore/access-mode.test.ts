import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { accessModeOf, permissionsOf } from '../../../../src/operations/restore/access-mode.ts';
import { refuseWalDirectory, walSpaceBytes } from '../../../../src/operations/restore/wal-directory.ts';

describe('who may read a restored directory', () => {
  const file = (mode: number, path = 'base/5/1259') => ({ path, type: 'file', mode }) as const;
  const directory = (mode: number) => ({ path: 'base/5', type: 'directory', mode }) as const;

  test('as the origin had it, unless something else is asked for; never what PostgreSQL refuses', () => {
    assert.equal(accessModeOf(undefined, 0o750), 0o750);
    assert.equal(accessModeOf(undefined, undefined), 0o700);
    assert.equal(accessModeOf(undefined, 0o755), 0o700);
    assert.equal(accessModeOf(0o700, 0o750), 0o700);
    assert.equal(accessModeOf(0o750, 0o700), 0o750);
  });

  test('files and directories follow', () => {
    assert.deepEqual(
      [permissionsOf(file(0o640), undefined), permissionsOf(directory(0o750), undefined)],
      [0o640, 0o750],
    );
    assert.deepEqual(
      [permissionsOf(file(0o640), 0o700), permissionsOf(directory(0o750), 0o700)],
      [0o600, 0o700],
    );
    assert.deepEqual(
      [permissionsOf(file(0o600), 0o750), permissionsOf(directory(0o700), 0o750)],
      [0o640, 0o750],
    );
    assert.equal(permissionsOf(file(0o000), undefined), 0o600);
  });

  test('a key beside the configuration is not opened to the group: PostgreSQL would refuse it', () => {
    assert.equal(permissionsOf(file(0o600, 'server.key'), 0o750), 0o600);
    assert.equal(permissionsOf(file(0o600, 'PG_VERSION'), 0o750), 0o640);
  });
});

describe('pg_wal elsewhere', () => {
  test('not at a relative path, and not in or around another directory of the restore', () => {
    refuseWalDirectory('/srv/wal', ['/srv/data', '/srv/far']);
    for (const path of ['wal', '/srv/data/wal', '/srv', '/srv/far'])
      assert.throws(() => refuseWalDirectory(path, ['/srv/data', '/srv/far']), { code: 'usage' });
  });

  test('needs space for the WAL on the way, as much as replay keeps', () => {
    const wal = (segments: bigint) => [{ timeline: 1, first: 1n, last: segments }];
    const mebibyte = 1024 ** 2;
    const spaceFor = (segments: bigint, prefetchMiB: number) =>
      walSpaceBytes(segments === 0n ? [] : wal(segments), {
        segmentSizeBytes: 16 * mebibyte,
        prefetchBytes: prefetchMiB * mebibyte,
      }) / mebibyte;
    assert.equal(spaceFor(3n, 0), 48);
    assert.equal(spaceFor(10_000n, 0), 1024);
    assert.equal(spaceFor(0n, 256), 0);
    // What is fetched ahead lies there beside what replay keeps.
    assert.equal(spaceFor(3n, 256), 48 + 48);
    assert.equal(spaceFor(10_000n, 256), 1024 + 256);
  });
});
