import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import { errorCodes } from '../../../src/base/errors/errors.ts';
import { runCli } from '../../../src/cli/program.ts';
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import { makeSegment } from '../../support/wal/wal.ts';
import { findPostgresBinaries } from '../../support/servers/postgres-binaries.ts';
import { runOk } from '../../support/site/run.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

const directory = temporaryDirectory('verbs');
const dataDirectory = join(directory, 'data');
const config = join(directory, 'walvault.toml');

async function walvault(...argv: string[]) {
  let stdout = '';
  let stderr = '';
  const context = {
    signal: AbortSignal.timeout(60_000),
    env: { PATH: process.env['PATH'], WALVAULT_CONFIG: config },
    stdout: (text: string) => void (stdout += text),
    stderr: (text: string) => void (stderr += text),
    isTty: false,
  };
  return { status: await runCli(argv, context), stdout, stderr };
}

beforeAll(async () => {
  await runOk(join(findPostgresBinaries(), 'initdb'), ['-D', dataDirectory, '-A', 'trust', '-N']);
  const argv = [
    'init',
    '--cluster',
    'orders',
    '--repository',
    `file://${directory}/repo`,
    '--create-directory',
  ];
  const { status, stderr } = await walvault(...argv, '--data-directory', dataDirectory, '--no-encryption');
  assert.equal(status, 0, stderr);
});

describe('push, fetch and conflict through the command tree', () => {
  const name = '00000002.history';
  const path = join(dataDirectory, 'pg_wal', name);
  const destination = join(dataDirectory, 'pg_wal', 'RECOVERYHISTORY');

  test('a segment is noted for each GiB of WAL, others are not', async () => {
    const { systemId, geometry } = await readControlFile(dataDirectory, AbortSignal.timeout(60_000));
    const { segmentSizeBytes } = geometry;
    for (const number of [64n, 65n]) {
      const segment = join(dataDirectory, 'pg_wal', geometry.nameOf(1, number));
      await writeFile(segment, makeSegment({ timeline: 1, number, systemId, segmentSizeBytes }));
      const { status, stderr } = await walvault('push', segment);
      assert.deepEqual([status, stderr], [0, '']);
    }
    const noted = await readdir(join(directory, 'repo/orders', String(systemId), 'catalog/notes/high-water'));
    assert.deepEqual(
      noted.filter(name => !name.endsWith('.sig')),
      ['000000010000000000000040-high-water.json'],
    );
  });

  test('a conflict is refused, kept beside on request, and the archived file stays', async () => {
    await writeFile(path, '1\t0/3000000\tfirst\n');
    assert.equal((await walvault('push', path)).status, 0);
    await writeFile(path, '1\t0/4000000\tsecond\n');
    const refused = await walvault('push', path);
    assert.equal(refused.status, errorCodes.conflict);
    assert.match(refused.stderr, /walvault conflict keep/);

    const kept = await walvault('conflict', 'keep', path);
    assert.equal(kept.status, 0, kept.stderr);
    assert.match(kept.stdout, /^00000002\.history is kept beside/);
    assert.equal((await walvault('push', path)).status, 0, 'archiving goes on');

    const fetched = await walvault('fetch', name, destination);
    assert.equal(fetched.status, 0, fetched.stderr);
    assert.equal(await readFile(destination, 'utf8'), '1\t0/3000000\tfirst\n');
    assert.equal((await walvault('fetch', '00000003.history', destination)).status, 1);
  });

  test('their help tells the statuses that PostgreSQL acts on', async () => {
    assert.match((await walvault('help', 'push')).stdout, /durable in every required repository/);
    assert.match(
      (await walvault('help', 'fetch')).stdout,
      /1 only when the archive\s+surely does not have it/,
    );
  });
});
