/** Archives that an earlier version wrote are read, planned and restored by this one (`test/golden/README.md`). */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { digestsBelow, listed } from '../../scripts/golden/expected.ts';
import { notedIn } from '../../scripts/golden/noted.ts';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { newDirectory } from '../support/site/cycle.ts';
import { goldenSets, openGoldenSite, type GoldenSite } from '../support/site/golden-site.ts';
import { until } from '../support/site/site.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';

const sets = goldenSets();
assert.ok(sets.length > 0);

/** Recovers to the end of the request and reads the table; the server may pause there or be promoted. */
async function rowsAfter(site: GoldenSite, backup: string, args: readonly string[]): Promise<number[]> {
  const directory = newDirectory();
  const action = args.length === 0 || args[0] === '--target-timeline' ? [] : ['--target-action', 'promote'];
  const done = await site.walvault(['restore', directory, '--backup', backup, ...args, ...action]);
  assert.equal(done.exitCode, 0, done.stderr);
  await using server = await startPostgres({ dataDirectory: directory, start: false, env: site.readerEnv });
  await server.start({ until: 'spawned' });
  await until('the copy accepts writes', async () => {
    assert.ok(server.pid !== undefined, server.logTail());
    const rows = await server.query('select where not pg_is_in_recovery()').catch(() => []);
    return rows.length > 0;
  });
  const rows = await server.query<{ n: number }>('select n from committed order by n');
  return rows.map(({ n }) => n);
}

interface Kept {
  readonly id: string;
  readonly action: string;
  readonly reasons: readonly { readonly code: string }[];
}

for (const set of sets)
  describe(`the golden archive ${set}`, () => {
    const site = openGoldenSite(set);

    it('has the files that were written', () => {
      assert.deepEqual(digestsBelow(site.repositoryPath), site.expected.files);
    });

    // Later versions tell more; what was told then stays.
    it('is listed with all that the version that wrote it listed', async () => {
      assert.partialDeepStrictEqual(await listed(site), site.expected.list);
    });

    it('keeps its pinned backup from a cleanup', async () => {
      const { stdout, stderr } = await site.walvault(['cleanup', '--keep-last', '1', '--dry-run', '--json']);
      const { repositories } = JSON.parse(stdout) as { repositories: { systems: { backups: Kept[] }[] }[] };
      const pinned = repositories
        .flatMap(({ systems }) => systems.flatMap(({ backups }) => backups))
        .filter(({ reasons }) => reasons.some(({ code }) => code === 'pinned'));
      assert.deepEqual(
        pinned.map(({ id, action }) => ({ id, action })),
        [{ id: site.expected.restores[0]?.backup, action: 'keep' }],
        stderr,
      );
    });

    const { noted } = site.expected;
    if (noted !== undefined)
      it('has notes of each kind, signed, which tell what they told', async () => {
        assert.partialDeepStrictEqual(await notedIn(site.configPath, new Date(noted.now)), noted);
      });

    // In the first set nobody has accepted that loss.
    it('is sound to the last page, but for the WAL that its server gave up', async () => {
      const { exitCode, stdout, stderr } = await site.walvault([
        'verify',
        '--read-data',
        '--again',
        '--json',
      ]);
      assert.equal(exitCode, noted === undefined ? errorCodes.damaged : 0, stderr);
      const [main] = JSON.parse(stdout) as { systems: { findings: { kind: string }[]; data: object }[] }[];
      assert.deepEqual(
        main?.systems.flatMap(({ findings }) => findings.map(({ kind }) => kind)),
        noted === undefined ? ['wal-gap'] : [],
      );
      assert.partialDeepStrictEqual(main?.systems[0]?.data, {
        depth: 'decoded',
        partCount: noted === undefined ? 8 : 4,
      });
    });

    for (const { backup, args, rows } of site.expected.restores)
      it(`restores ${backup} ${args.join(' ')}`, async () => {
        assert.deepEqual(await rowsAfter(site, backup, args), rows);
      });

    it('is left as it was, but for the claims of the restores', () => {
      const files = Object.entries(digestsBelow(site.repositoryPath));
      const others = files.filter(
        ([path]) => path in site.expected.files || !/-restored\.json(\.sig)?$/.test(path),
      );
      assert.ok(others.length < files.length, 'no restore has left a claim');
      assert.deepEqual(Object.fromEntries(others), site.expected.files);
    });
  });
