/** Writes what stands beside the executable: its bill of materials, and the licences of what is in it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { NodeBinary } from '../node-binary.ts';
import { bundledPackages, type LockedPackages } from './bundled-packages.ts';
import { describeBill } from './describe-bill.ts';
import { licensedPart, licenceTexts } from './licence-texts.ts';

export interface Built {
  readonly root: string;
  readonly version: string;
  readonly commit: string;
  /** Its path. */
  readonly executable: string;
  /** Of the bundle, relative to the root. */
  readonly sources: readonly string[];
  readonly node: NodeBinary;
}

export interface BillPaths {
  readonly bill: string;
  readonly licences: string;
}

/** @throws Error when a bundled package is not what the lock file says */
export async function writeBill(built: Built, paths: BillPaths): Promise<void> {
  const { root, node } = built;
  const lock = await readJson<{ packages: LockedPackages }>(join(root, 'package-lock.json'));
  const packages = bundledPackages(built.sources, lock.packages);
  for (const { directory, version } of packages) await requireInstalled(join(root, directory), version);
  const bill = describeBill({
    version: built.version,
    commit: built.commit,
    executable: { path: basename(built.executable), sha256: await sha256Of(built.executable) },
    packages,
    node: { ...node, packageName: basename(node.directory), versions: await versionsIn(node.path) },
  });
  await writeFile(paths.bill, `${JSON.stringify(bill, null, 2)}\n`);
  const own = { title: `walvault ${built.version}`, licence: 'Apache-2.0', directory: '.' };
  const ofNode = {
    title: `Node ${node.version}`,
    licence: 'MIT, and those of its parts',
    directory: node.directory,
  };
  await writeFile(paths.licences, await licenceTexts(root, [own, ...packages.map(licensedPart), ofNode]));
}

async function requireInstalled(directory: string, version: string): Promise<void> {
  const installed = await readJson<{ version?: string }>(join(directory, 'package.json'));
  if (installed.version !== version)
    throw new Error(
      `${directory} is version ${installed.version}, package-lock.json has ${version}: run "npm ci"`,
    );
}

async function versionsIn(nodePath: string): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)(nodePath, ['-p', 'JSON.stringify(process.versions)'], {
    env: {},
  });
  return JSON.parse(stdout) as Record<string, string>;
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}

async function sha256Of(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
