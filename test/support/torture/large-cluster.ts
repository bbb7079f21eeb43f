/**
 * Backup, list, check and restore of a cluster of very many small files and one very large table, which must not take more
 * memory than any other (P9).
 */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageChecksum } from '../../../src/postgres/cluster/page-checksum.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { newDirectory, verifyWithPostgres } from '../site/cycle.ts';
import type { RunResult } from '../site/run.ts';
import { archiveEverything, type Site } from '../site/site.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';

export interface LargeCluster {
  readonly files: number;
  /** Of pages that PostgreSQL has made and never filled, in a sparse file. */
  readonly tableGiB: number;
}

export interface VerbFigures {
  readonly residentBytes: number;
  readonly elapsedMs: number;
}

export interface LargeClusterFigures {
  readonly fileCount: number;
  readonly clusterBytes: number;
  readonly verbs: Readonly<Record<'backup' | 'list' | 'check' | 'restore', VerbFigures>>;
}

const gibibyte = 1024 ** 3;
const pageBytes = 8192;
/** Beyond what PostgreSQL has given to a relation of its own. */
const firstPlanted = 3_000_000_000;
const timeoutMs = 3_600_000;
const jobs = ['--jobs', '2'];

/**
 * Two threads do the work, into a directory repository. The restored files are compared with PostgreSQL's own list of
 * names, sizes and checksums, by its own tool.
 */
export async function cycleOfLargeCluster(
  site: Site,
  cluster: LargeCluster,
  say: (line: string) => void,
): Promise<LargeClusterFigures> {
  await using server = await site.startOrigin();
  await fill(server, cluster);
  const walvault = async (args: readonly string[]): Promise<RunResult> => {
    const result = await site.walvault(args, { env: server.env, timeoutMs });
    assert.equal(result.exitCode, 0, result.stderr);
    say(`${args[0]}: ${Math.round(result.maxResidentBytes / 1e6)} MB, ${Math.round(result.elapsedMs)} ms`);
    return result;
  };
  const taken = await walvault(['backup', '--fast', ...jobs, '--json']);
  const { record } = JSON.parse(taken.stdout) as {
    readonly record: { readonly id: string; readonly fileCount: number; readonly sizeBytes: number };
  };
  assert.ok(record.fileCount > cluster.files, `${record.fileCount} files in the backup`);
  await archiveEverything(server);
  const listed = await walvault(['list', 'backups']);
  assert.ok(listed.stdout.includes(record.id), listed.stdout);
  const checked = await walvault(['check']);
  await server.stop();

  const directory = newDirectory();
  try {
    const restored = await walvault(['restore', directory, ...jobs]);
    await verifyWithPostgres(server, directory);
    return {
      fileCount: record.fileCount,
      clusterBytes: record.sizeBytes,
      verbs: {
        backup: figuresOf(taken),
        list: figuresOf(listed),
        check: figuresOf(checked),
        restore: figuresOf(restored),
      },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function figuresOf({ maxResidentBytes, elapsedMs }: RunResult): VerbFigures {
  return { residentBytes: maxResidentBytes, elapsedMs };
}

/** Into the directory of one database, as where each customer has a schema of his own. */
async function fill(server: PostgresServer, { files, tableGiB }: LargeCluster): Promise<void> {
  await server.query('create table large (n int)');
  const [row] = await server.query<{ path: string }>("select pg_relation_filepath('large') as path");
  await server.stop();
  const table = join(server.dataDirectory, row?.path ?? '');
  for (let segment = 0; segment < tableGiB; segment++)
    makeSparse(segment === 0 ? table : `${table}.${segment}`, gibibyte);
  const directory = join(table, '..');
  for (let number = 0; number < files; number++)
    writeFileSync(join(directory, String(firstPlanted + number)), contentOf(number), { mode: 0o600 });
  assert.ok(readdirSync(directory).length > files);
  giveToUnprivileged(directory);
  await server.start({ timeoutMs });
}

function makeSparse(path: string, sizeBytes: number): void {
  const descriptor = openSync(path, 'a', 0o600);
  ftruncateSync(descriptor, sizeBytes);
  closeSync(descriptor);
}

/** Most tables of such a cluster are empty; the others have a page, each another one. */
function contentOf(number: number): Buffer {
  if (number % 8 !== 0) return Buffer.alloc(0);
  const page = Buffer.alloc(pageBytes);
  page.writeUInt16LE(24, 12);
  page.writeUInt16LE(pageBytes - 8, 14);
  page.writeUInt16LE(pageBytes, 16);
  page.writeUInt16LE(pageBytes | 4, 18);
  page.writeDoubleLE(number, pageBytes - 8);
  page.writeUInt16LE(pageChecksum(page, 0), 8);
  return page;
}
