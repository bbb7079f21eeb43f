/** PostgreSQL's own programs on a restored copy of any version. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import type { PostgresTools } from '../servers/postgres-tools.ts';
import { majorOf } from './database-contents.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged } from './unprivileged.ts';

/**
 * `pg_verifybackup` over every file. One from before 17 knows manifests of version 1 only: it gets the same files and checksums
 * under that number, and what is left, the system identifier and the manifest's own checksum, is compared here.
 */
export async function verifyRestored(directory: string, tools: PostgresTools): Promise<void> {
  const text = readFileSync(join(directory, 'backup_manifest'), 'utf8');
  const { systemId, postgresMajor } = await readControlFile(directory);
  const version = Number(/"PostgreSQL-Backup-Manifest-Version": (\d),/.exec(text)?.[1]);
  assert.equal(version, postgresMajor < 17 ? 1 : 2);
  assert.equal(
    /^"System-Identifier": (\d+),$/m.exec(text)?.[1],
    version === 1 ? undefined : String(systemId),
  );
  assert.equal(text, sealed(text));
  const isKnown = version === 1 || tools.major >= 17;
  const manifest = isKnown ? [] : ['--manifest-path', tools.pathOf(firstVersionOf(text))];
  await tools.run('pg_verifybackup', ['--no-parse-wal', ...manifest, tools.pathOf(directory)]);
}

function firstVersionOf(manifest: string): string {
  const directory = temporaryDirectory('manifest');
  const path = join(directory, 'backup_manifest');
  const text = manifest
    .replace('-Version": 2,', '-Version": 1,')
    .replace(/^"System-Identifier": \d+,\n/m, '');
  writeFileSync(path, sealed(text));
  giveToUnprivileged(directory);
  return path;
}

/** The manifest with the checksum that its lines should have. */
function sealed(manifest: string): string {
  const lines = manifest.slice(0, manifest.indexOf('"Manifest-Checksum"'));
  return `${lines}"Manifest-Checksum": "${createHash('sha256').update(lines).digest('hex')}"}\n`;
}

/** Every table and index by amcheck; the server checks the checksums of the pages that it reads. */
export async function checkTables(server: PostgresServer, tools: PostgresTools): Promise<void> {
  if ((await majorOf(server)) >= 14) {
    await tools.run(
      'pg_amcheck',
      ['--all', '--install-missing', '--heapallindexed', '--parent-check'],
      server,
    );
    return;
  }
  // Before 14 amcheck looks into indexes only, and pg_amcheck wants more.
  await server.query('create extension amcheck');
  await server.query(`
    select bt_index_parent_check(i.indexrelid, true) from pg_index i
    join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
    where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence <> 't' and i.indisvalid`);
}
