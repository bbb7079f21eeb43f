/**
 * Makes V8's code caches by running the program on the same Node binary with the same flags: real pushes and fetches,
 * signed and encrypted, so that the caches hold the functions that these run, and not only the outermost functions.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeDataDirectory, segmentName } from './data-directory.ts';
import { startObjectServer } from './object-server.ts';
import { startReadyAgent } from './ready-agent.ts';

export interface WarmUpOptions {
  readonly outDirectory: string;
  readonly nodePath: string;
  readonly execArgv: readonly string[];
}

interface Run {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For drivers whose service is not imitated: loading them is all that is wanted. */
  readonly mayFail?: true;
}

/** @returns names of the caches, `<pack>.cache`, in `<outDirectory>/caches` */
export async function warmUp(options: WarmUpOptions): Promise<string[]> {
  const caches = join(options.outDirectory, 'caches');
  await mkdir(caches, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), 'walvault-build-'));
  try {
    await using server = await startObjectServer();
    await makeDataDirectory(join(scratch, 'data'));
    const doRun = async ({ args, env, mayFail }: Run) => {
      const run = promisify(execFile)(
        options.nodePath,
        [
          ...options.execArgv,
          // Caches hold hashes of strings, whose seed is random otherwise. V8's tag of a cache does not depend on it.
          '--random-seed=1',
          join(options.outDirectory, 'warm-up-main.cjs'),
          join(options.outDirectory, 'packs'),
          caches,
          ...args,
        ],
        { cwd: join(scratch, 'data'), env: { HOME: scratch, PATH: '/usr/bin:/bin', ...env } },
      );
      await (mayFail === true ? run.catch(() => undefined) : run);
    };
    const site = describeSite(scratch, server.origin);
    await mkdir(site.offline);
    for (const run of startingRuns(site)) await doRun(run);
    const marker = await readFile(join(site.repository, 'walvault.json'));
    await fetch(`${server.origin}/bucket/prefix/walvault.json`, { method: 'PUT', body: marker });
    for (const run of workingRuns(site)) await doRun(run);
    const dataDirectory = join(scratch, 'data');
    await using agent = await startReadyAgent({ scratch, dataDirectory, configPath: site.config });
    await writeFile(join(dataDirectory, 'recovery.signal'), '');
    for (const run of askingRuns(site)) await doRun({ ...run, env: { ...run.env, ...agent.env } });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return (await readdir(caches)).toSorted();
}

interface Site {
  readonly repository: string;
  readonly config: string;
  readonly offline: string;
  /** The imitated service, as a parameter of a repository's URL. */
  readonly endpoint: string;
}

function describeSite(scratch: string, origin: string): Site {
  return {
    repository: join(scratch, 'repository'),
    config: join(scratch, 'walvault.toml'),
    offline: join(scratch, 'offline'),
    endpoint: `endpoint=${encodeURIComponent(origin)}`,
  };
}

function startingRuns({ repository, config, offline }: Site): Run[] {
  const where = ['--config', config, '--cluster', 'main', '--repository', `file://${repository}`];
  return [
    { args: ['--help'], env: {} },
    { args: ['--version'], env: {} },
    { args: ['init', ...where, '--create-directory', '--generate-keys', offline], env: {} },
  ];
}

/** Of a server that has an agent. */
function askingRuns({ config }: Site): Run[] {
  const env = { WALVAULT_CONFIG: config };
  return [
    { args: ['push', `pg_wal/${segmentName}`], env },
    { args: ['fetch', segmentName, 'pg_wal/RECOVERYXLOG'], env },
  ];
}

function workingRuns({ config, offline, endpoint }: Site): Run[] {
  const push = ['push', `pg_wal/${segmentName}`];
  const get = ['fetch', segmentName, 'pg_wal/RECOVERYXLOG'];
  const own = { WALVAULT_CONFIG: config };
  const reader = { ...own, WALVAULT_ENCRYPTION_PRIVATE_KEYS: join(offline, 'walvault-main-private.asc') };
  const s3 = { WALVAULT_REPOSITORY_URL: `s3://bucket/prefix?path-style=true&${endpoint}` };
  const keys = { WALVAULT_REPOSITORY_ACCESS_KEY_ID: 'id', WALVAULT_REPOSITORY_SECRET_ACCESS_KEY: 'secret' };
  const plain = { WALVAULT_CLUSTER: 'main', WALVAULT_ENCRYPTION_MODE: 'none' };
  const gcs = { WALVAULT_REPOSITORY_URL: `gs://bucket/prefix?anonymous=true&${endpoint}` };
  const azure = {
    WALVAULT_REPOSITORY_URL: `azure://account/container/prefix?${endpoint}`,
    WALVAULT_REPOSITORY_ACCOUNT_KEY: Buffer.alloc(64, 1).toString('base64'),
  };
  return [
    { args: push, env: { ...plain, ...gcs }, mayFail: true },
    { args: push, env: { ...plain, ...azure }, mayFail: true },
    // Once with keys from the configuration, once with those that the SDK finds by itself.
    { args: push, env: { ...own, ...s3, ...keys } },
    { args: get, env: { ...reader, ...s3, AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' } },
    { args: push, env: own },
    { args: get, env: reader },
  ];
}
