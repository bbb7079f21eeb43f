/** Makes V8's code caches by running the program on the same Node binary with the same flags. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Each run loads other chunks; a later run's cache of a shared chunk replaces the earlier one's. */
const runs: readonly (readonly string[])[] = [['--help'], ['--version']];

export interface WarmUpOptions {
  readonly outDirectory: string;
  readonly nodePath: string;
  readonly execArgv: readonly string[];
}

/** @returns names of the caches, `<chunk>.cache`, in `<outDirectory>/caches` */
export async function warmUp(options: WarmUpOptions): Promise<string[]> {
  const caches = join(options.outDirectory, 'caches');
  await mkdir(caches, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), 'walvault-build-'));
  try {
    for (const args of runs)
      await promisify(execFile)(
        options.nodePath,
        [
          ...options.execArgv,
          join(options.outDirectory, 'warm-up-main.cjs'),
          join(options.outDirectory, 'chunks'),
          caches,
          ...args,
        ],
        { cwd: scratch, env: { HOME: scratch, PATH: '/usr/bin:/bin' } },
      );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return (await readdir(caches)).toSorted();
}
