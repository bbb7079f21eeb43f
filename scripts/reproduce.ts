/**
 * `npm run reproduce`: builds what is committed once more, in a clone in another directory, under another home, time zone and
 * language, and compares the files with those in `dist`, byte by byte. Half a minute; docs/adr/0010-builds-that-can-be-repeated.md says
 * what it proves. Exits 75 while there are changes to commit, except in CI.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commitOfInputs } from './build/inputs.ts';
import { describeDifference } from './reproduce/difference.ts';
import { exitUnanswered } from './test/steps.ts';

const root = resolve(import.meta.dirname, '..');
const files = ['walvault', 'walvault.cdx.json', 'walvault.licenses.txt'];

const commit = await commitOfInputs(root);
if (commit === '' || commit.endsWith('+')) {
  console.log('builds were not compared: only one of committed sources can be repeated');
  process.exitCode = process.env['CI'] === 'true' ? 1 : exitUnanswered;
} else process.exitCode = isRepeatable() ? 0 : 1;

function isRepeatable(): boolean {
  build(root, process.env);
  const scratch = mkdtempSync(join(tmpdir(), 'walvault-again-'));
  try {
    const clone = join(scratch, 'somewhere/else');
    const home = join(scratch, 'home');
    mkdirSync(home);
    execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, clone]);
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
    build(clone, { ...process.env, HOME: home, TMPDIR: home, TZ: 'Pacific/Chatham', LC_ALL: 'tr_TR.UTF-8' });
    const differences = files
      .map(name => describeDifference(name, read(root, name), read(clone, name)))
      .filter(line => line !== undefined);
    const same = `${files.join(', ')}: two builds of ${commit} are the same`;
    for (const line of differences.length === 0 ? [same] : differences) console.log(line);
    return differences.length === 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function build(directory: string, env: NodeJS.ProcessEnv): void {
  execFileSync(process.execPath, [join(directory, 'scripts/build.ts')], {
    cwd: directory,
    env,
    // Its words are in the error if it fails.
    stdio: 'pipe',
  });
}

function read(directory: string, name: string): Buffer {
  return readFileSync(join(directory, 'dist', name));
}
