/** What push and fetch load of the executable, by name, and whether V8 takes the code caches the build made. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pkgConfig from '../../pkg.config.json' with { type: 'json' };
import { afterAll, test } from 'vitest';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { makeCertificates } from '../support/servers/certificates.ts';
import { runOk } from '../support/site/run.ts';
import { startS3Server } from '../support/servers/s3/server.ts';
import { commitRows, createSite, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { runWalvault } from '../support/site/walvault.ts';

const certificates = makeCertificates();
const s3 = await startS3Server({ tls: certificates });
afterAll(() => s3.close());
const server = await startPostgres({ initdbArgs: ['--wal-segsize=1'], conf: { wal_keep_size: '64MB' } });
await commitRows(server, 1, 1);
await server.stop();
const segment =
  readdirSync(join(server.dataDirectory, 'pg_wal'))
    .toSorted()
    .find(name => /^[0-9A-F]{24}$/.test(name)) ?? '';

const directorySite = await createSite();
const secretPath = join(temporaryDirectory('s3-key'), 'secret');
writeFileSync(secretPath, s3.secretAccessKey, { mode: 0o600 });
giveToUnprivileged(join(secretPath, '..'));
const s3Keys = ['--access-key-id', s3.accessKeyId, '--secret-access-key-file', secretPath];
const s3Site = await createSite({
  initArgs: [...s3Keys, '--ca-file', certificates.caFile],
  repositoryUrl: () => s3.url,
});

/** Pack to the state of its code cache. */
async function loadedBy(site: Site, args: readonly string[]): Promise<Map<string, string>> {
  const run = { cwd: server.dataDirectory, env: { WALVAULT_DEBUG: '1' } };
  const { stderr, exitCode } = await site.walvault(args, run);
  assert.equal(exitCode, 0, stderr);
  return loadedIn(stderr);
}

function loadedIn(stderr: string): Map<string, string> {
  const lines = [...stderr.matchAll(/^DEBUG: loaded (\S+), code cache (\w+)$/gm)];
  return new Map(lines.map(([, pack = '', cache = '']) => [pack, cache]));
}

/** What several drivers share is a pack under esbuild's own name. */
function named(loaded: ReadonlyMap<string, string>): string[] {
  return [...loaded.keys()].filter(pack => !pack.startsWith('chunk-')).toSorted();
}

function assertAccepted(loaded: ReadonlyMap<string, string>): void {
  assert.ok(loaded.size > 0);
  for (const [pack, cache] of loaded) assert.equal(cache, 'accepted', pack);
}

const cases: readonly { what: string; site: Site; packs: string[] }[] = [
  // `client-push` is the agent's client, which a fetch shares.
  { what: 'a directory', site: directorySite, packs: ['client-push', 'entry-run-push', 'fs-store', 'main'] },
  { what: 'S3', site: s3Site, packs: ['client-push', 'entry-run-push', 'main', 's3-store'] },
];

for (const { what, site, packs } of cases) {
  test(`a push to ${what}, signed and encrypted, loads what it needs and nothing else`, async () => {
    const loaded = await loadedBy(site, ['push', `pg_wal/${segment}`]);
    assertAccepted(loaded);
    assert.deepEqual(named(loaded), packs);
  });

  test(`a fetch from ${what} loads what it needs and nothing else`, async () => {
    const loaded = await loadedBy(site, ['fetch', segment, 'pg_wal/RECOVERYXLOG']);
    assertAccepted(loaded);
    assert.deepEqual(
      named(loaded).filter(pack => pack !== 'entry-run-push'),
      packs.map(pack => (pack === 'entry-run-push' ? 'entry-run-fetch' : pack)).toSorted(),
    );
  });
}

test('--version loads the first pack alone', async () => {
  const { stderr } = await runWalvault(['--version'], { env: { WALVAULT_DEBUG: '1' } });
  assert.deepEqual(loadedIn(stderr), new Map([['main', 'accepted']]));
});

test("the executable's flags leave the code cache of Node's own modules valid", async () => {
  // V8 derives the tag from its flags among others; a cache of another tag is thrown away, unnoticed but for the time.
  const tagWith = async (flags: readonly string[]) =>
    (await runOk(process.execPath, [...flags, '-p', 'v8.cachedDataVersionTag()'], { as: 'self' })).stdout;
  assert.equal(await tagWith(pkgConfig.seaConfig.execArgv), await tagWith([]));
});
