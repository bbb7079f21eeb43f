/** Asks the package registry, through npm, for advisories and for newer versions. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { AskedPackage } from './asked-packages.ts';
import { knownVulnerable, placeOf } from './judge.ts';

const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=20000'];
const hungAfterMs = 90_000;

/**
 * npm asks about the packages of a lock file. This one is made for the question: each package in a place of its own, and one that
 * is known to be vulnerable.
 * @returns what npm printed, a report or an error, both in JSON
 */
export async function askForAdvisories(packages: readonly AskedPackage[]): Promise<string> {
  const asked = [...packages, knownVulnerable].map((each, index) => ({ ...each, place: placeOf(index) }));
  const root = {
    name: 'question',
    version: '1.0.0',
    dependencies: Object.fromEntries(
      asked.map(({ name, version, place }) => [basename(place), `npm:${name}@${version}`]),
    ),
  };
  const places = asked.map(({ name, version, place }) => [place, { name, version }] as const);
  const lock = { ...root, lockfileVersion: 3, packages: { '': root, ...Object.fromEntries(places) } };
  const directory = await mkdtemp(join(tmpdir(), 'walvault-question-'));
  try {
    await writeFile(join(directory, 'package.json'), JSON.stringify(root));
    await writeFile(join(directory, 'package-lock.json'), JSON.stringify(lock));
    return await npm(['audit', '--json', '--package-lock-only'], directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** @returns the newest version with the same major number that the registry has; undefined when it does not tell */
export async function newestNodeOfLine(packageName: string, version: string): Promise<string | undefined> {
  const answer = await npm(['view', packageName, 'versions', '--json'], tmpdir());
  const major = version.split('.')[0] ?? '';
  return (answer.match(/\d+\.\d+\.\d+(?=")/g) ?? [])
    .filter(each => each.startsWith(`${major}.`))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1);
}

/** npm also exits with 1 for a report that has vulnerabilities. */
function npm(args: readonly string[], cwd: string): Promise<string> {
  const options = { cwd, timeout: hungAfterMs, maxBuffer: 64 * 1024 ** 2 };
  return new Promise(resolve =>
    execFile('npm', [...args, ...patience], options, (_error, stdout) => resolve(stdout)),
  );
}
