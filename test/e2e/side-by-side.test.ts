/** Two repositories side by side, of which one fails. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { archivedSegments, backUp, startCopy } from '../support/site/cycle.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { startS3Server, type S3Server } from '../support/servers/s3/server.ts';
import {
  archiveEverything,
  commitRows,
  createSite,
  outcomeOf,
  rowsOf,
  until,
  type Site,
} from '../support/site/site.ts';
import { s3Args } from '../support/site/store-site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { readArchiver } from '../../src/postgres/server/archiver.ts';

const rows = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('a directory and a bucket side by side', () => {
  let server: S3Server;
  let site: Site;
  let origin: PostgresServer;

  beforeAll(async () => {
    server = await startS3Server();
    site = await createSite({
      initArgs: ['--repository', `offsite=${server.url}`, ...s3Args(server)],
    });
    origin = await site.startOrigin({
      env: { WALVAULT_ARCHIVE_TIMEOUT: '2s', WALVAULT_STORE_REQUEST_TIMEOUT: '1s' },
    });
    await commitRows(origin, 1, 2);
    await backUp(site, origin);
    // The backup's own history file too.
    await archiveEverything(origin);
  });
  afterAll(async () => {
    await origin[Symbol.asyncDispose]();
    await server.close();
  });

  it('archives to both, and to none as far as PostgreSQL knows while one is out', async () => {
    server.faults.inject({
      times: Infinity,
      effect: { kind: 'answer', status: 503, code: 'ServiceUnavailable' },
    });
    const before = await readArchiver(origin);
    await commitRows(origin, 3, 4);
    await until('a push fails', async () => (await readArchiver(origin)).failedCount > 0);
    assert.equal((await readArchiver(origin)).lastArchivedWal, before.lastArchivedWal);
    assert.match(origin.log(), /^walvault: repository "offsite": /m);
    server.faults.clear();
    await archiveEverything(origin);
    const listed = await segmentsListed(site);
    assert.ok((listed.get('main') ?? 0) > 0);
    assert.equal(listed.get('main'), listed.get('offsite'));
  });

  it('goes on with one where the other is best effort', async () => {
    server.faults.inject({
      times: Infinity,
      effect: { kind: 'answer', status: 503, code: 'ServiceUnavailable' },
    });
    try {
      const name = archivedSegments(site).at(-1)?.slice(-24) ?? '';
      const path = join(
        'pg_wal',
        readdirSync(join(origin.dataDirectory, 'pg_wal')).includes(name) ? name : '',
      );
      const pushed = await site.walvault(['push', path], {
        cwd: origin.dataDirectory,
        env: { WALVAULT_REPOSITORY_OFFSITE_REQUIRED: 'off', WALVAULT_ARCHIVE_TIMEOUT: '2s' },
      });
      assert.equal(pushed.exitCode, 0, pushed.stderr);
      assert.match(pushed.stderr, /^walvault: .*offsite/m);
    } finally {
      server.faults.clear();
    }
  });

  it('shows what the one holds while the other is out', async () => {
    server.faults.inject({ times: Infinity, effect: { kind: 'answer', status: 403, code: 'AccessDenied' } });
    const { stdout, stderr, exitCode } = await site.walvault(['list', 'backups']);
    server.faults.clear();
    assert.equal(exitCode, errorCodes.denied, stderr);
    assert.match(stdout, /repository "main"[^]*-full-/);
    assert.match(stderr, /^walvault: .*denied/m);
  });

  it('restores from the second when the first is damaged, segments and parts alike', async () => {
    await commitRows(origin, 5, 6);
    await archiveEverything(origin);
    const part = readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' }).find(name =>
      name.endsWith('/parts/000001.tar.zst.pgp'),
    );
    flipByte(join(site.repositoryPath, part ?? ''));
    for (const segment of archivedSegments(site).slice(-3)) flipByte(join(site.repositoryPath, segment));

    const directory = join(temporaryDirectory('restored'), 'data');
    const done = await site.walvault(['restore', directory]);
    assert.equal(done.exitCode, 0, done.stderr);
    assert.match(done.stderr, /^walvault: .*repository "main" is passed over: .*000001\.tar\.zst\.pgp/m);
    assert.match(done.stdout, /from offsite/);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    assert.deepEqual(await rowsOf(copy), rows(6));
  });

  it('restores from the named one only, when one is named', async () => {
    const directory = join(temporaryDirectory('restored'), 'data');
    const { exitCode, stderr } = await site.walvault(['restore', directory, '--repository', 'main']);
    assert.equal(exitCode, errorCodes.damaged, stderr);
    assert.match(stderr, /000001\.tar\.zst\.pgp/);
  });
});

async function segmentsListed(site: Site): Promise<Map<string, number | undefined>> {
  const { stdout } = await site.walvault(['list', 'wal', '--json']);
  const repositories = JSON.parse(stdout) as {
    name: string;
    systems: { timelines: { segmentCount: number }[] }[];
  }[];
  return new Map(repositories.map(({ name, systems }) => [name, systems[0]?.timelines[0]?.segmentCount]));
}

function flipByte(path: string): void {
  const data = readFileSync(path);
  data.writeUInt8(data.readUInt8(data.length >> 1) ^ 1, data.length >> 1);
  writeFileSync(path, data);
}
