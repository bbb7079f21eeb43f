/**
 * A tree of backups without walvault: gpg, zstd and tar unpack a full, a differential and an incremental backup, and PostgreSQL's
 * own `pg_combinebackup` makes one of them. Its files are those that `walvault restore` writes.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGpg } from '../openpgp/gpg.ts';
import { embeddedBinaries, requireInstalled } from '../servers/postgres-binaries.ts';
import type { PostgresTools } from '../servers/postgres-tools.ts';
import { backUp, restoreInto } from '../site/cycle.ts';
import { bareEnvironment, runOk } from '../site/run.ts';
import { archiveEverything, createSite, type Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';

export interface CombineFigures {
  readonly files: number;
  readonly incrementalFiles: number;
}

/** @param tools of the same major version as the server */
export async function combineByHand(major: 17 | 18, tools: PostgresTools): Promise<CombineFigures> {
  const binDir = embeddedBinaries(major);
  requireInstalled(binDir);
  const site = await createSite();
  await using origin = await site.startOrigin({ binDir });
  await origin.query(`
    create table kept as select n, repeat(md5(n::text), 8) as body from generate_series(1, 20000) n;
    create table cut as select n, repeat('x', 500) as body from generate_series(1, 20000) n;
    create table gone as select n from generate_series(1, 20000) n`);
  const ids = [await take(site, 'full')];
  await origin.query("update kept set body = 'changed' where n % 500 = 0");
  await origin.query('delete from cut where n > 2000');
  await origin.query('vacuum cut');
  ids.push(await take(site, 'differential'));
  await origin.query("insert into cut select n, repeat('y', 500) from generate_series(1, 5000) n");
  await origin.query('drop table gone');
  ids.push(await take(site, 'incremental'));
  await archiveEverything(origin);

  const gpg = createGpg();
  await gpg.importKeys(readFileSync(site.privateKeyPath));
  const unpacked: string[] = [];
  for (const id of ids) unpacked.push(await unpackByHand(site, id, gpg.home));
  const incrementalFiles = filesIn(unpacked.at(-1) ?? '').filter(path =>
    path.includes('INCREMENTAL.'),
  ).length;
  assert.ok(incrementalFiles > 100, `${incrementalFiles} incremental files`);
  for (const directory of unpacked)
    await tools.run('pg_verifybackup', ['--no-parse-wal', tools.pathOf(directory)]);
  const combined = '/srv/combined';
  await tools.run('pg_combinebackup', [...unpacked.map(path => tools.pathOf(path)), '-o', combined]);
  await tools.run('pg_verifybackup', ['--no-parse-wal', combined]);

  const restored = await restoreInto(site, ['--backup', ids.at(-1) ?? '', '--target-immediate']);
  const ours = digestsOf(restored);
  const theirs = digestsOf(tools.outsideOf(combined));
  assert.deepEqual([...ours.keys()], [...theirs.keys()]);
  for (const [path, digest] of theirs) assert.equal(ours.get(path), digest, path);
  return { files: ours.size, incrementalFiles };

  async function take(from: Site, type: string): Promise<string> {
    return (await backUp(from, origin, ['--type', type])).id;
  }
}

async function unpackByHand(site: Site, id: string, gnupgHome: string): Promise<string> {
  const target = join(temporaryDirectory('by-hand'), 'data');
  mkdirSync(target, { mode: 0o700 });
  giveToUnprivileged(target);
  const script = `set -eu -o pipefail
cd "$repository"/orders/*/
for part in $(sed -n 's/^ *"name": "\\(parts\\/.*\\)",$/\\1/p' "catalog/backups/$backup.json"); do
  gpg --batch --quiet --decrypt "backups/$backup/$part" 2>/dev/null | zstd -dc | tar -x -p -C "$data" || [ $? = 2 ]
done`;
  const env = { GNUPGHOME: gnupgHome, repository: site.repositoryPath, backup: id, data: target };
  await runOk('bash', ['-c', script], { env: { ...bareEnvironment, ...env } });
  return target;
}

/** What a restore or pg_combinebackup makes anew, or leaves out. */
const own =
  /^(?:backup_label|backup_manifest|postgresql\.auto\.conf|recovery\.signal|standby\.signal|pg_wal\/.*|walvault.*)$/;

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(path => lstatSync(join(directory, path)).isFile())
    .toSorted();
}

function digestsOf(directory: string): Map<string, string> {
  const digest = (path: string) =>
    createHash('sha256')
      .update(readFileSync(join(directory, path)))
      .digest('hex');
  return new Map(
    filesIn(directory)
      .filter(path => !own.test(path))
      .map(path => [path, digest(path)]),
  );
}
