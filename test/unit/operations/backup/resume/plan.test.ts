import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { BackupEntry } from '../../../../../src/operations/backup/part/backup-entry.ts';
import { mayBeUnchanged } from '../../../../../src/operations/backup/resume/plan.ts';
import type { ManifestEntry } from '../../../../../src/repository/format/manifest.ts';

const entries: ManifestEntry[] = [
  { path: 'base/5', type: 'directory', sizeBytes: 0, mode: 0o700, mtimeMs: 5 },
  { path: 'base/5/1', type: 'file', sizeBytes: 8192, mode: 0o600, mtimeMs: 6, sha256: 'ab', part: 1 },
];
const members: BackupEntry[] = entries.map(({ path, type, sizeBytes, mode, mtimeMs }) => ({
  ...{ path, type, sizeBytes, mode, mtimeMs },
  sourcePath: `/pg/${path}`,
}));
const [directory, file] = members as [BackupEntry, BackupEntry];
const here = { isSameHost: true };

test('the same files may be unchanged, whatever has come and gone in their directories', () => {
  assert.ok(mayBeUnchanged(members, entries, here));
  assert.ok(mayBeUnchanged([{ ...directory, mtimeMs: 99 }, file], entries, here));
});

test('another path, type, size or permission is a change, and so is one file more or less', () => {
  for (const change of [
    { path: 'base/5/2' },
    { type: 'directory' },
    { sizeBytes: 16_384 },
    { mode: 0o640 },
  ] as const)
    assert.ok(!mayBeUnchanged([directory, { ...file, ...change }], entries, here));
  assert.ok(!mayBeUnchanged([directory], entries, here));
  assert.ok(!mayBeUnchanged([...members, file], entries, here));
});

test('another time is a change on the host that wrote the part, and tells nothing on another one', () => {
  const touched = [directory, { ...file, mtimeMs: 7 }];
  assert.ok(!mayBeUnchanged(touched, entries, here));
  assert.ok(mayBeUnchanged(touched, entries, { isSameHost: false }));
});

test('an incremental file is what its relation file was, by its time', () => {
  const incremental = entries.map(entry => ({
    ...entry,
    path: entry.path.replace('5/1', '5/INCREMENTAL.1'),
  }));
  const [first, second] = incremental as [ManifestEntry, ManifestEntry];
  const stored = [first, { ...second, sizeBytes: 12 }];
  assert.ok(mayBeUnchanged(members, stored, here));
  assert.ok(!mayBeUnchanged([directory, { ...file, mtimeMs: 99 }], stored, here));
});
