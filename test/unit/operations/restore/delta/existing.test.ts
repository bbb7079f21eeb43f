import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { WalvaultError } from '../../../../../src/base/errors/errors.ts';
import {
  lookAtExisting,
  ownMappings,
  refuseForeign,
  refuseForeignTablespace,
  type ExistingDirectory,
} from '../../../../../src/operations/restore/delta/existing.ts';
import { writeMarker } from '../../../../../src/operations/restore/delta/marker.ts';
import { clusterSamples } from '../../../../support/wal/cluster-samples.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const { signal } = new AbortController();
const sample = clusterSamples.find(({ controlFile }) => controlFile !== '');
const controlFile = Buffer.from(sample?.controlFile ?? '', 'base64');
const systemId = controlFile.readBigUInt64LE(0);

const refusedBy = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof WalvaultError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  assert.ok(error.hint);
  return true;
};

function clusterDirectory(): string {
  const directory = temporaryDirectory('existing', { keepOwner: true });
  mkdirSync(join(directory, 'global'));
  writeFileSync(join(directory, 'global', 'pg_control'), controlFile);
  return directory;
}

async function looked(directory: string): Promise<ExistingDirectory> {
  const existing = await lookAtExisting(directory, signal);
  assert.ok(existing);
  return existing;
}

describe('the directory of a delta restore', () => {
  it('is an ordinary one where nothing is', async () => {
    const directory = temporaryDirectory('existing', { keepOwner: true });
    assert.equal(await lookAtExisting(directory, signal), undefined);
    assert.equal(await lookAtExisting(join(directory, 'new'), signal), undefined);
  });

  it('must show that it is a data directory', async () => {
    const directory = temporaryDirectory('existing', { keepOwner: true });
    writeFileSync(join(directory, 'PG_VERSION'), '15\n');
    await assert.rejects(looked(directory), refusedBy('destination', /has no global\/pg_control/));
    await assert.rejects(
      looked(join(directory, 'PG_VERSION')),
      refusedBy('destination', /is not a directory/),
    );
  });

  it('must not be one that others may write', async () => {
    const directory = clusterDirectory();
    chmodSync(directory, 0o770);
    await assert.rejects(looked(directory), refusedBy('destination', /may be written by others/));
  });

  it('must be of the same system and version', async () => {
    const directory = clusterDirectory();
    const existing = await looked(directory);
    const major = existing.control?.postgresMajor ?? 0;
    writeFileSync(join(directory, 'PG_VERSION'), `${major}\n`);
    await refuseForeign(existing, { systemId, serverVersion: major * 10_000 });
    await assert.rejects(
      refuseForeign(existing, { systemId: systemId + 1n, serverVersion: major * 10_000 }),
      refusedBy('refused', /belongs to the system/),
    );
    await assert.rejects(
      refuseForeign(existing, { systemId, serverVersion: (major + 1) * 10_000 }),
      refusedBy('refused', /is a data directory of PostgreSQL/),
    );
  });

  it('is known by its marker after an interruption, unless pg_control says otherwise', async () => {
    const directory = temporaryDirectory('existing', { keepOwner: true });
    const tablespaces = new Map([[7, '/srv/seven']]);
    await writeMarker(directory, { systemId, backup: 'x', tablespaces });
    const existing = await looked(directory);
    await refuseForeign(existing, { systemId, serverVersion: 150_000 });
    assert.deepEqual(existing.tablespaces, tablespaces);
    await assert.rejects(
      refuseForeign(existing, { systemId: 5n, serverVersion: 150_000 }),
      refusedBy('refused', /belongs to the system/),
    );
    mkdirSync(join(directory, 'global'));
    writeFileSync(join(directory, 'global', 'pg_control'), controlFile);
    await writeMarker(directory, { systemId: 5n, backup: 'x', tablespaces });
    await assert.rejects(
      refuseForeign(await looked(directory), { systemId: 5n, serverVersion: 150_000 }),
      refusedBy('refused', /belongs to the system/),
    );
  });
});

describe('tablespaces of the directory', () => {
  const existing = {
    path: '/srv/data',
    tablespaces: new Map([
      [1, '/mnt/one'],
      [2, '/srv/data/inside'],
      [3, '/mnt/three'],
    ]),
  };

  it('stay where its links lead, unless somebody has mapped them', () => {
    const wanted = [1, 2, 3, 4].map(oid => ({ oid, location: `/old/${oid}` }));
    assert.deepEqual(ownMappings(existing, wanted, []), ['1=/mnt/one', '3=/mnt/three']);
    assert.deepEqual(ownMappings(existing, wanted, ['1=/new', '/old/3=/new3']), []);
    assert.deepEqual(ownMappings(existing, [{ oid: 1, location: 'pg_tblspc/1' }], []), []);
  });

  it('are touched only where its links lead', async () => {
    const space = temporaryDirectory('space', { keepOwner: true });
    const directory = clusterDirectory();
    mkdirSync(join(directory, 'pg_tblspc'));
    const target = { oid: 1, location: '/old', directory: space, isInside: false };
    const refusal = refusedBy('refused', /own link does not lead to it/);
    // Of another version, or of nobody.
    mkdirSync(join(space, 'PG_14_202107181'));
    await refuseForeignTablespace(await looked(directory), target, 15);
    mkdirSync(join(space, 'PG_15_202209061'));
    await assert.rejects(refuseForeignTablespace(await looked(directory), target, 15), refusal);
    symlinkSync('/elsewhere', join(directory, 'pg_tblspc', '1'));
    await assert.rejects(refuseForeignTablespace(await looked(directory), target, 15), refusal);
    symlinkSync(space, join(directory, 'pg_tblspc', '2'));
    await refuseForeignTablespace(await looked(directory), { ...target, oid: 2 }, 15);
  });
});
