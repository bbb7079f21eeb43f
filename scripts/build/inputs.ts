/** One digest of all inputs of the executable: with an unchanged digest there is nothing to build. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const inputs = [
  'src',
  'scripts/build',
  'scripts/build.ts',
  'scripts/node-sha256.json',
  'pkg.config.json',
  'package.json',
  'package-lock.json',
];

export async function digestOfInputs(root: string, commit: string): Promise<string> {
  const hash = createHash('sha256').update(`${commit}\0${process.version}\0${process.arch}\0`);
  for (const path of await filesOf(root))
    hash
      .update(`${path}\0`)
      .update(await readFile(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

async function filesOf(root: string): Promise<string[]> {
  const lists = await Promise.all(
    inputs.map(async input => {
      if (/\.\w+$/.test(input)) return [input];
      const entries = await readdir(join(root, input), { recursive: true, withFileTypes: true });
      return entries
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1));
    }),
  );
  return lists.flat().toSorted();
}

/** The last commit that touched an input, as long in every clone, with `+` when inputs differ from it; empty outside of git. */
export async function commitOfInputs(root: string): Promise<string> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: root })).stdout.trim();
  try {
    const commit = await git('log', '-1', '--format=%h', '--abbrev=12', '--', ...inputs);
    const changes = await git('status', '--porcelain', '--', ...inputs);
    return commit === '' ? '' : `${commit}${changes === '' ? '' : '+'}`;
  } catch {
    return '';
  }
}
