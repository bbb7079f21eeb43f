/**
 * `npm run build [-- ARCHITECTURE]`: makes `dist/walvault`, its bill of materials and the licences of what is in it, unless they are
 * up to date. The architecture is this machine's; another one is refused.
 */
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeBill, type BillPaths } from './build/bill/write-bill.ts';
import { bundle } from './build/bundle.ts';
import { assetPaths, chooseTarget, makeExecutable, type PkgConfig } from './build/executable.ts';
import { commitOfInputs, digestOfInputs } from './build/inputs.ts';
import { withLock } from './build/lock.ts';
import { verifiedNodeBinary } from './build/node-binary.ts';
import { warmUp } from './build/warm-up/warm-up.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');

await mkdir(dist, { recursive: true });
await withLock(join(dist, '.building'), buildIfNeeded);

async function buildIfNeeded(): Promise<void> {
  const config = JSON.parse(await readFile(join(root, 'pkg.config.json'), 'utf8')) as PkgConfig;
  const target = chooseTarget(config, process.argv.slice(2));
  const output = join(root, target.output);
  const beside = { bill: `${output}.cdx.json`, licences: `${output}.licenses.txt` };
  const outputs = [output, beside.bill, beside.licences];
  const commit = await commitOfInputs(root);
  const inputs = await digestOfInputs(root, commit);
  const recordPath = join(dist, '.build.json');
  if ((await readRecord(recordPath)) === `${inputs} ${await identitiesOf(outputs)}`) {
    console.log(`${target.output} is current`);
    return;
  }
  const startedAt = performance.now();
  const scratch = await mkdtemp(join(dist, '.build-'));
  try {
    await buildInto(scratch, { config, target, commit, output, beside });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  // Sources that changed meanwhile may be half in it: then it stays without a record, and the next run builds again.
  if ((await digestOfInputs(root, commit)) === inputs)
    await writeFile(recordPath, `${inputs} ${await identitiesOf(outputs)}`);
  const { size } = await stat(output);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${target.output}: ${(size / 1e6).toFixed(0)} MB in ${seconds} s`);
}

interface Plan {
  readonly config: PkgConfig;
  readonly target: ReturnType<typeof chooseTarget>;
  readonly commit: string;
  readonly output: string;
  readonly beside: BillPaths;
}

async function buildInto(scratch: string, plan: Plan): Promise<void> {
  const node = await verifiedNodeBinary(root);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const { packs, sources } = await bundle({ root, outDirectory: scratch, version, commit: plan.commit });
  const { execArgv } = plan.config.seaConfig;
  const caches = await warmUp({ outDirectory: scratch, nodePath: node.path, execArgv });
  const made = join(scratch, 'walvault');
  await makeExecutable({
    config: plan.config,
    target: { ...plan.target, output: made },
    nodePath: node.path,
    entry: join(scratch, 'sea-main.cjs'),
    // Worker threads begin with the same script as the process.
    assets: { ...assetPaths(scratch, packs, caches), 'boot.cjs': join(scratch, 'sea-main.cjs') },
  });
  await chmod(made, 0o755);
  const described = { root, version, commit: plan.commit, executable: made, sources, node };
  await writeBill(described, plan.beside);
  // A rename, because a running walvault's file cannot be written to.
  await rename(made, plan.output);
}

async function readRecord(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

async function identitiesOf(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(identityOf))).join(' ');
}

async function identityOf(path: string): Promise<string> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    return `${size}-${mtimeMs}-${ino}`;
  } catch {
    return 'absent';
  }
}
