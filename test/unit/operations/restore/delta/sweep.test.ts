import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'vitest';
import { WalvaultError } from '../../../../../src/base/errors/errors.ts';
import { ListedPaths } from '../../../../../src/operations/restore/delta/listed-paths.ts';
import { sweep } from '../../../../../src/operations/restore/delta/sweep.ts';
import { EntrySpool, readSpooled } from '../../../../../src/repository/backup/entry-spool.ts';
import type { VerifiedManifest } from '../../../../../src/repository/backup/manifest-spool.ts';
import type { BackupRecord } from '../../../../../src/repository/format/backup-record.ts';
import type { ManifestEntry } from '../../../../../src/repository/format/manifest.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const { signal } = new AbortController();
const record = { serverVersion: 150_006, parts: [{ number: 1 }] } as unknown as BackupRecord;

/** Paths that end with a slash are directories. */
async function manifestOf(paths: readonly string[], spool: EntrySpool): Promise<VerifiedManifest> {
  for (const path of paths) {
    const isFile = !path.endsWith('/');
    const entry: ManifestEntry = {
      path: isFile ? path : path.slice(0, -1),
      ...{ type: isFile ? 'file' : 'directory', sizeBytes: 0, mode: 0o600, mtimeMs: 0 },
      ...(isFile && { sha256: '0'.repeat(64), part: 1 }),
    };
    await spool.add(isFile ? 1 : 0, entry);
  }
  await spool.flush();
  return {
    directories: () => readSpooled(spool.entriesOf(0)),
    filesOfPart: part => spool.entriesOf(part),
  } as VerifiedManifest;
}

function make(root: string, paths: readonly string[]): void {
  for (const path of paths) {
    const place = join(root, path);
    mkdirSync(path.endsWith('/') ? place : dirname(place), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(place, path);
  }
}

interface Swept {
  readonly paths: readonly string[];
  readonly tablespaces?: readonly { readonly oid: number; readonly directory: string }[];
  readonly inside?: readonly string[];
  readonly prepare: (dataDirectory: string) => void;
}

async function swept({ paths, tablespaces = [], inside = [], prepare }: Swept) {
  const dataDirectory = temporaryDirectory('sweep', { keepOwner: true });
  const spoolDirectory = temporaryDirectory('spool', { keepOwner: true });
  prepare(dataDirectory);
  const within = inside.map(path => join(dataDirectory, path));
  const places = {
    dataDirectory,
    tablespaces: [...tablespaces, ...within.map((directory, index) => ({ oid: 100 + index, directory }))],
  };
  await using spool = await EntrySpool.open(spoolDirectory);
  const manifest = await manifestOf(paths, spool);
  await using listed = await ListedPaths.read({ record, manifest, places, inside: within, spoolDirectory });
  const removed = await sweep({ dataDirectory, listed, signal });
  return { dataDirectory, removed, left: treeOf(dataDirectory) };
}

function treeOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(path => !lstatSync(join(directory, path)).isDirectory())
    .toSorted();
}

describe('what a backup does not have', () => {
  it('is removed: files, trees and links, which are not followed', async () => {
    const outside = temporaryDirectory('outside', { keepOwner: true });
    writeFileSync(join(outside, 'bait'), 'bait');
    const { left, removed, dataDirectory } = await swept({
      paths: [
        'PG_VERSION',
        'base/',
        'base/5/',
        'base/5/INCREMENTAL.16384',
        'base/5/1259',
        'log/',
        'pg_xact/',
        'pg_xact/0000',
      ],
      prepare(root) {
        make(root, [
          'PG_VERSION',
          'base/5/16384',
          'base/5/16385',
          'base/9/1259',
          'log/postgresql.log',
          'pg_wal/x',
        ]);
        make(root, ['walvault.delta-restore', 'postmaster.pid', 'pg_wal.before-restore-x/y', 'lost+found/']);
        symlinkSync(outside, join(root, 'pg_xact'));
        symlinkSync(outside, join(root, 'base', 'link'));
        symlinkSync(join(outside, 'bait'), join(root, 'base', '5', '1259'));
        writeFileSync(Buffer.concat([Buffer.from(`${root}/odd`), Buffer.from([0xff])]), '');
        execFileSync('mkfifo', [join(root, 'pipe')]);
      },
    });
    const kept = ['pg_wal.before-restore-x/y', 'pg_wal/x', 'postmaster.pid', 'walvault.delta-restore'];
    assert.deepEqual(left, [...kept, 'PG_VERSION', 'base/5/16384'].toSorted());
    assert.equal(removed, 8);
    assert.ok(existsSync(join(dataDirectory, 'log')));
    assert.deepEqual(readdirSync(outside), ['bait']);
  });

  it('is left in a tablespace everywhere but below this version', async () => {
    const space = temporaryDirectory('space', { keepOwner: true });
    const version = 'PG_15_202209061';
    make(space, [`${version}/5/1`, `${version}/5/2`, `${version}/6/1`, 'PG_14_202107181/5/1', 'letter']);
    await swept({
      paths: ['PG_VERSION', `pg_tblspc/7/${version}/5/`, `pg_tblspc/7/${version}/5/1`],
      tablespaces: [{ oid: 7, directory: space }],
      prepare: root => {
        mkdirSync(join(root, 'pg_tblspc'));
        symlinkSync(space, join(root, 'pg_tblspc', '7'));
      },
    });
    assert.deepEqual(treeOf(space), ['PG_14_202107181/5/1', `${version}/5/1`, 'letter'].toSorted());
  });

  it('is a link in the place of the only directory in a tablespace', async () => {
    const [space, outside] = ['space', 'outside'].map(name => temporaryDirectory(name, { keepOwner: true }));
    make(outside ?? '', ['5/1', '5/2']);
    symlinkSync(outside ?? '', join(space ?? '', 'PG_15_202209061'));
    await swept({
      paths: ['PG_VERSION', 'pg_tblspc/7/PG_15_202209061/5/1'],
      tablespaces: [{ oid: 7, directory: space ?? '' }],
      prepare: () => undefined,
    });
    assert.deepEqual(readdirSync(space ?? ''), []);
    assert.deepEqual(treeOf(outside ?? ''), ['5/1', '5/2']);
  });

  it('is told in the directory of a tablespace inside the data directory, too', async () => {
    const { left } = await swept({
      paths: ['PG_VERSION', 'pg_tblspc/100/PG_15_202209061/5/1'],
      inside: ['spaces/near'],
      prepare: root =>
        make(root, [
          'PG_VERSION',
          'spaces/near/PG_15_202209061/5/1',
          'spaces/near/PG_15_202209061/5/2',
          'spaces/far/x',
        ]),
    });
    assert.deepEqual(left, ['PG_VERSION', 'spaces/near/PG_15_202209061/5/1']);
  });

  it.each(['pg_tblspc/7/letter', 'pg_tblspc/7/PG_14_202107181/5/1', 'pg_tblspc/7/PG_15_x/5/1'])(
    'is never judged by a manifest that names %s',
    async path => {
      const space = temporaryDirectory('space', { keepOwner: true });
      await assert.rejects(
        swept({ paths: [path], tablespaces: [{ oid: 7, directory: space }], prepare: () => undefined }),
        (error: unknown) => error instanceof WalvaultError && error.code === 'damaged',
      );
    },
  );
});
