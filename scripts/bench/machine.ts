/** The machine and the versions behind the figures, which mean nothing without them. */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { findPostgresBinaries } from '../../test/support/servers/postgres-binaries.ts';
import { runOk } from '../../test/support/site/run.ts';
import { pgBackRestVersion } from './pgbackrest.ts';

export async function describeMachine(): Promise<string> {
  const today = new Date().toISOString().slice(0, 10);
  const hardware = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores`;
  const postgres = await versionOf(join(findPostgresBinaries(), 'postgres'));
  const peer = await pgBackRestVersion();
  const programs = [
    `Node ${process.versions.node}`,
    `PostgreSQL ${postgres}`,
    `zstd ${await versionOf('zstd')}`,
    `gpg ${await versionOf('gpg')}`,
    ...(peer === undefined ? [] : [peer]),
  ];
  return `${today}, ${hardware}; ${programs.join(', ')}`;
}

/** Of the last minute: how many processes wanted to run. */
export function loadNow(): string {
  return loadavg()[0]?.toFixed(1) ?? '';
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await runOk(program, ['--version']);
  return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? 'unknown';
}
