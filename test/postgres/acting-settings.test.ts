/** Every setting that PostgreSQL has was looked at: does it act in a restored copy? (P12) */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  overridableNames,
  overridesFor,
  type CopyChoices,
} from '../../src/operations/restore/copy-settings/overrides.ts';
import { recoverySettingNames, setting } from '../../src/postgres/cluster/recovery-settings.ts';
import { harmlessNames } from '../support/harmless-settings.ts';
import {
  embeddedBinaries,
  findPostgresBinaries,
  requireInstalled,
} from '../support/servers/postgres-binaries.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';

const choices: CopyChoices = {
  mode: 'point-in-time',
  targetAction: 'pause',
  archiveMode: 'off',
  keepsSubscriptions: false,
  primaryConninfo: undefined,
  keptSettings: [],
};

describe.for([
  ['the PostgreSQL of this machine', findPostgresBinaries],
  ...([13, 14, 16, 17, 18] as const).map(
    major => [`PostgreSQL ${major}`, () => embeddedBinaries(major)] as const,
  ),
] as const)('the settings of %s', ([, find]) => {
  let server: PostgresServer;
  beforeAll(async () => {
    const binDir = find();
    requireInstalled(binDir);
    server = await startPostgres({ binDir });
  });
  afterAll(async () => {
    await server.stop('immediate');
  });

  test('act and are overridden, or are known to be harmless', async () => {
    const reviewed = new Set([...overridableNames, ...recoverySettingNames, ...harmlessNames]);
    const unknown = (await settingNames(server)).filter(name => !reviewed.has(name));
    assert.deepEqual(unknown, [], 'put each into acting-settings.ts or test/support/harmless-settings.ts');
    for (const name of harmlessNames) assert.ok(!overridableNames.includes(name), `${name} is in both lists`);
  });

  test('a server starts with all overrides, and has their values', async () => {
    const postgresMajor = Number(await scalar(server, 'show server_version_num')) / 10_000;
    const overrides = overridesFor(choices, {
      postgresMajor: Math.floor(postgresMajor),
      configured: undefined,
      minimums: undefined,
    });
    const written = overrides.flatMap(({ name, value }) => (value === null ? [] : [{ name, value }]));
    await server.stop();
    appendFileSync(
      join(server.dataDirectory, 'postgresql.auto.conf'),
      written.map(({ name, value }) => `${setting(name, value)}\n`).join(''),
    );
    await server.start();
    for (const { name, value } of written)
      assert.equal(await scalar(server, `select current_setting('${name}')`), value, name);
  });
});

/** Without those that a person cannot set, those of extensions, and what Debian adds. */
async function settingNames(server: PostgresServer): Promise<string[]> {
  const rows = await server.query<{ name: string }>(
    "select name from pg_settings where context <> 'internal' and name !~ '[.]' and name <> 'extension_destdir'",
  );
  return rows.map(({ name }) => name);
}

async function scalar(server: PostgresServer, sql: string): Promise<string> {
  const [row] = await server.query(sql);
  return String(Object.values(row ?? {})[0]);
}
