/**
 * The tail of the archive is lost, and nothing later is left in the listing: no recovery may take this for the end, until
 * somebody accepts the loss.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { archivedSegments, backUp, newDirectory, restoreInto, startCopy } from '../support/site/cycle.ts';
import {
  archiveEverything,
  commitRows,
  createSite,
  hasOpenedTimeline,
  outcomeOf,
  rowsOf,
  type Site,
} from '../support/site/site.ts';

describe('where all WAL from a place between two backups on is gone', () => {
  let site: Site;
  let origin: PostgresServer;
  let copy: PostgresServer;
  let first: string;
  /** The first segment that will be missing: it has row 5, because the switch after that row was the last record. */
  let middle: string;
  let walDirectory: string;

  beforeAll(async () => {
    site = await createSite();
    origin = await site.startOrigin();
    await commitRows(origin, 1, 2);
    first = (await backUp(site, origin)).id;
    await commitRows(origin, 3, 5);
    const [row] = await origin.query<{ name: string }>(
      'select pg_walfile_name(pg_current_wal_lsn()) as name',
    );
    middle = row?.name ?? '';
    await commitRows(origin, 6, 8);
    await backUp(site, origin);
    await commitRows(origin, 9, 12);
    await archiveEverything(origin);
    await origin.stop();
    const [cluster = ''] = readdirSync(join(site.repositoryPath, 'orders'));
    walDirectory = join(site.repositoryPath, 'orders', cluster, 'wal');
  });
  afterAll(async () => {
    await copy.stop('immediate');
    await origin.stop('immediate');
  });

  const dryRun = () => site.walvault(['restore', newDirectory(), '--dry-run', '--backup', first]);

  it('a recovery stops when wal/ is moved away in its middle', async () => {
    const directory = await restoreInto(site, ['--backup', first]);
    const settings = join(directory, 'postgresql.auto.conf');
    const text = readFileSync(settings, 'utf8');
    const command = /^restore_command = '(.*)'$/m.exec(text)?.[1] ?? '';
    const away = `if [ %f = ${middle} ] && [ -d ${walDirectory} ]; then mv ${walDirectory} ${walDirectory}.away; fi`;
    writeFileSync(settings, `${text}restore_command = '${away}; ${command}'\n`);
    copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy), 'exited', copy.logTail());
    assert.ok(!hasOpenedTimeline(copy, 2));
    assert.match(copy.log(), new RegExp(`${middle} is missing and is not the end of the archive: `));
    writeFileSync(settings, text);
    renameSync(`${walDirectory}.away`, walDirectory);
  });

  it('the plan, list and check see it, and the recovery stops there again', async () => {
    assert.equal((await dryRun()).exitCode, 0, 'all is there');
    const lost = join(site.directory, 'lost');
    mkdirSync(lost);
    for (const path of archivedSegments(site))
      if (basename(path) >= middle) renameSync(join(site.repositoryPath, path), join(lost, basename(path)));
    const planned = await dryRun();
    assert.equal(planned.exitCode, errorCodes['wal-missing'], planned.stderr);
    assert.match(planned.stderr, new RegExp(`${middle} is not archived \\(backup .* was taken with WAL`));
    const listed = await site.walvault(['list']);
    assert.match(listed.stdout, new RegExp(`timeline 1 lacks ${middle}\\.\\.`));
    assert.match(listed.stdout, /its WAL is missing/);
    const checked = await site.walvault(['check', '--no-postgres']);
    assert.equal(checked.exitCode, errorCodes['check-failed']);
    assert.match(checked.stdout, new RegExp(`WAL ${middle} to .* is missing`));
    await copy.start({ until: 'spawned' });
    assert.equal(await outcomeOf(copy), 'exited', copy.logTail());
    assert.ok(!hasOpenedTimeline(copy, 2));
  });

  it('an acknowledgement lets it end there, and everybody shows it', async () => {
    const accepted = await site.walvault(['gap', 'ack', middle, '--reason', 'ticket 7']);
    assert.equal(accepted.exitCode, 0, accepted.stderr);
    assert.match(accepted.stdout, new RegExp(`a recovery that reaches ${middle} ends there`));
    const planned = await dryRun();
    assert.equal(planned.exitCode, 0, planned.stderr);
    assert.match(planned.stderr, new RegExp(`will end before ${middle}: .* acknowledged .*: ticket 7`));
    assert.match((await site.walvault(['list'])).stdout, /acknowledged the loss .*: ticket 7/);
    await copy.start({ until: 'spawned' });
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    assert.deepEqual(await rowsOf(copy), [1, 2, 3, 4]);
    assert.match(copy.log(), new RegExp(`${middle} is missing from .* acknowledged this .*: ticket 7`));
  });
});
