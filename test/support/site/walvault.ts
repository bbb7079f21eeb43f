/** The built executable, which end-to-end tests run instead of the sources. */
import { copyFileSync, chmodSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bareEnvironment, run, type RunOptions, type RunResult } from './run.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged, isReachableUnprivileged } from './unprivileged.ts';

/**
 * Path of `dist/walvault`, or of a copy where the unprivileged account cannot reach the checkout. With
 * `WALVAULT_TEST_EXECUTABLE` it is that file: a release, or a copy that no build replaces in the middle of a long run.
 */
export function walvaultExecutable(): string {
  const named = process.env['WALVAULT_TEST_EXECUTABLE'];
  if (named !== undefined && named !== '') return named;
  executable ??= findExecutable();
  return executable;
}

/** Looked for once: each run of the executable asks. */
let executable: string | undefined;

function findExecutable(): string {
  const built = resolve(import.meta.dirname, '../../../dist/walvault');
  if (!existsSync(built)) throw new Error('dist/walvault is missing: run "npm run build" first');
  return isReachableUnprivileged(built, 'x') ? built : copyOf(built);
}

/**
 * From now on the executable is a copy, as an installation has one: no build replaces it in the middle of a long run, and
 * its pages lie in the system's cache as those of an installed file do, on which resident memory depends.
 */
export function installExecutable(): void {
  process.env['WALVAULT_TEST_EXECUTABLE'] ??= copyOf(walvaultExecutable());
}

function copyOf(built: string): string {
  const directory = temporaryDirectory('bin');
  const copy = join(directory, 'walvault');
  copyFileSync(built, copy);
  chmodSync(copy, 0o755);
  giveToUnprivileged(directory);
  return copy;
}

export interface WalvaultOptions extends RunOptions {
  /** Path of the configuration file, handed over as WALVAULT_CONFIG. */
  readonly config?: string;
}

/** Runs the executable with a bare environment plus `env`, in an empty directory unless `cwd` is given. */
export function runWalvault(args: readonly string[], options: WalvaultOptions = {}): Promise<RunResult> {
  const { config, env, cwd, ...rest } = options;
  const configured = config === undefined ? {} : { WALVAULT_CONFIG: config };
  return run(walvaultExecutable(), args, {
    ...rest,
    cwd: cwd ?? temporaryDirectory('cwd'),
    env: { ...bareEnvironment, ...configured, ...env },
  });
}
