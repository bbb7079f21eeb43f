/** PostgreSQL's client programs, of this machine or of a newer Debian: each examines servers of its version and of older ones. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runOk } from '../site/run.ts';
import { createDebianRoot, type DebianRelease } from './debian-root.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import type { PostgresServer } from './postgres-server.ts';

export interface PostgresTools {
  readonly major: number;
  /** Runs a program, connected to the server if one is given, and gives what it prints. */
  run(program: string, args: readonly string[], server?: PostgresServer): Promise<string>;
  /** The path by which the programs find a copy of this file or directory, or itself. */
  pathOf(path: string): string;
  /** The path on this machine of what a program has written. */
  outsideOf(path: string): string;
}

/** @throws Error for which a test is left out, where the machine has servers alone */
export async function localTools(): Promise<PostgresTools> {
  const binDir = findPostgresBinaries();
  const { stdout } = await runOk(join(binDir, 'pg_verifybackup'), ['--version']);
  return {
    major: Number(/\(PostgreSQL\) (\d+)/.exec(stdout)?.[1]),
    run: async (program, args, server) =>
      (await runOk(join(binDir, program), args, { ...(server && { env: server.env }), timeoutMs: 300_000 }))
        .stdout,
    pathOf: path => path,
    outsideOf: path => path,
  };
}

/** Of trixie (17) or sid (18), in a root of its own. */
export async function newerTools(release: DebianRelease, major: number): Promise<PostgresTools> {
  const root = await createDebianRoot(release, [`postgresql-${major}`, 'sudo']);
  let copies = 0;
  return {
    major,
    outsideOf: path => join(root.directory, path),
    async run(program, args, server) {
      const words = [`/usr/lib/postgresql/${major}/bin/${program}`, ...args].map(quoted).join(' ');
      const port = server === undefined ? '' : `PGHOST=127.0.0.1 PGPORT=${server.port} PGUSER=postgres `;
      const { exitCode, stdout, stderr } = await root.run(`${port}${words}`, { timeoutMs: 300_000 });
      if (exitCode !== 0) throw new Error(`${program} ${major} exited with ${exitCode}: ${stderr}${stdout}`);
      return stdout;
    },
    pathOf(path) {
      const place = join('/srv', String(++copies), basename(path));
      mkdirSync(join(root.directory, place, '..'), { recursive: true });
      // The links of tablespaces lead nowhere in there. Node's cpSync follows none below the first.
      execFileSync('cp', ['--recursive', '--dereference', path, join(root.directory, place)]);
      return place;
    },
  };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
