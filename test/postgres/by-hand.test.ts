/** Runs the commands of docs/recover-without-walvault.md as they stand there (P8). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { test } from 'vitest';
import { createGpg } from '../support/openpgp/gpg.ts';
import { onExit } from '../support/site/on-exit.ts';
import { freePort } from '../support/servers/ports.ts';
import { bareEnvironment, runOk } from '../support/site/run.ts';
import { archiveEverything, commitRows, createSite, rowsOf, until } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged, unprivilegedIds } from '../support/site/unprivileged.ts';
import { makeServerDirectory, takeBackup } from '../support/site/restore-fixtures.ts';

const page = resolve(import.meta.dirname, '../../docs/recover-without-walvault.md');

interface Block {
  /** From a comment before it: `settings`, `start`. */
  readonly name: string | undefined;
  readonly text: string;
}

function shellBlocks(markdown: string): Block[] {
  return [...markdown.matchAll(/(?:<!-- (\w+) -->\n)?```sh\n(.*?)```/gs)].map(([, name, text = '']) => ({
    name,
    text,
  }));
}

test('an encrypted repository is recovered by the documented commands alone', async () => {
  const site = await createSite();
  await using origin = await site.startOrigin();
  const fast = makeServerDirectory(join(temporaryDirectory('spaces'), 'fast'));
  await origin.query(`create tablespace fast location '${fast}'`);
  await origin.query('create table spaced tablespace fast as select generate_series(1, 1000) as n');
  await origin.query("alter system set recovery_target_name = 'stale'");
  await commitRows(origin, 1, 4);
  await takeBackup(site, origin, { partSizeBytes: 2 * 1024 ** 2 });
  await origin.query('insert into spaced values (1001)');
  await commitRows(origin, 5, 9);
  await archiveEverything(origin);
  const rows = await rowsOf(origin);
  await origin.stop();

  const gpg = createGpg();
  const directory = temporaryDirectory('by-hand');
  const data = join(directory, 'data');
  const port = await freePort();
  const values: Record<string, string> = {
    repository: site.repositoryPath,
    cluster: 'orders',
    private_key: site.privateKeyPath,
    signing_key: join(site.directory, 'walvault-keys/signing-public.asc'),
    data,
    tablespaces: join(directory, 'spaces'),
  };
  const blocks = shellBlocks(readFileSync(page, 'utf8'));
  assert.equal(blocks.filter(({ name }) => name !== undefined).length, 2);
  const script = blocks
    .map(({ name, text }) => {
      if (name === 'start') return `${listenHere(port, directory)}\n${text}`;
      return name === 'settings' ? withValues(text, values) : text;
    })
    .join('\n');
  const scriptPath = join(directory, 'page.sh');
  writeFileSync(scriptPath, script);
  giveToUnprivileged(directory);
  const env = { ...bareEnvironment, PATH: `${origin.binDir}:${bareEnvironment.PATH}`, GNUPGHOME: gpg.home };
  const stopRecovered = onExit(() => {
    const args = ['-D', data, '-m', 'immediate', '-w', 'stop'];
    spawnSync(join(origin.binDir, 'pg_ctl'), args, { env, cwd: '/', ...unprivilegedIds() });
  });

  const { stdout, stderr } = await runOk('bash', [scriptPath], { env, cwd: directory, timeoutMs: 120_000 });
  assert.match(stderr, /Good signature/);
  assert.match(stdout, /backup successfully verified/);
  assert.equal(stdout.match(/comes nothing/g)?.length, 1, stdout);

  const client = new Client({ host: directory, port, user: 'postgres', database: 'postgres' });
  try {
    await client.connect();
    await until('recovery ends', async () => {
      const { rows: found } = await client.query<{ done: boolean }>('select not pg_is_in_recovery() as done');
      return found[0]?.done === true;
    });
    const committed = await client.query<{ n: number }>('select n from committed order by n');
    assert.deepEqual(
      committed.rows.map(({ n }) => n),
      rows,
    );
    const spaced = await client.query<{ count: string }>('select count(*) from spaced');
    assert.equal(spaced.rows[0]?.count, '1001');
  } finally {
    await client.end();
    stopRecovered();
  }
});

/** The page's assignments with other values; every one of them must be known here. */
function withValues(text: string, values: Readonly<Record<string, string>>): string {
  const assigned = [...text.matchAll(/^(\w+)=/gm)].map(([, name]) => name ?? '');
  assert.deepEqual(assigned.toSorted(), Object.keys(values).toSorted());
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function listenHere(port: number, socketDirectory: string): string {
  return `cat >> "$data/postgresql.conf" <<END
port = ${port}
listen_addresses = ''
unix_socket_directories = '${socketDirectory}'
END`;
}
