/**
 * `cleanup` of a directory repository killed at its calls that change files, at points that a seed chooses: what counts as a
 * backup is whole after each of them, `verify` finds no damage, and the next cleanup brings about what an undisturbed one does.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { openRepositories, type OpenRepositories } from '../../../src/compose/open-repositories.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { ensureClusterRecord } from '../../../src/repository/format/cluster-record.ts';
import { expiringNote } from '../../../src/repository/format/notes/expiring.ts';
import { writeNote } from '../../../src/repository/format/notes/note.ts';
import { claimKey, commitRecordKey, signatureKey } from '../../../src/repository/format/layout.ts';
import { silentLog } from '../logs.ts';
import { commitBackup } from '../copied-repository.ts';
import { archiveSegment, geometry, signal, system } from '../site/archive.ts';
import { copyDirectory } from '../site/copy-directory.ts';
import { createSite, type Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';
import { assertWhole } from '../whole-archive.ts';
import { Seeded } from './interleavings/seeded.ts';
import { callPoints, runWithFault } from './strace.ts';

export interface KillCleanupFigures {
  readonly rounds: number;
  readonly killed: number;
  /** Calls of an undisturbed cleanup that change files. */
  readonly calls: number;
  /** Killed when the removal of a backup had begun and had not ended. */
  readonly halfRemoved: number;
}

const changes = 'unlink,unlinkat,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,rmdir,fsync,fdatasync';
const policy = ['--keep-last', '1'];
/** The only thing that `verify` may say after a kill. */
const unfinished = 'removal-unfinished';
const lastSegment = 40n;
const hourMs = 3_600_000;
/** When everything was written: writes that are older than a day and unfinished are removed. */
const agoMs = 30 * hourMs;

export async function killCleanups(
  rounds: number,
  seed: number,
  tell: (line: string) => void = () => undefined,
): Promise<KillCleanupFigures> {
  const site = await createSite({ isEncrypted: false });
  const kept = await fillRepository(site);
  const template = join(temporaryDirectory('template'), 'repository');
  copyDirectory(site.repositoryPath, template);
  const begin = () => {
    rmSync(site.repositoryPath, { recursive: true });
    copyDirectory(template, site.repositoryPath);
  };
  const environment = { env: { ...site.readerEnv, WALVAULT_CONFIG: site.configPath } };
  const command = ['cleanup', ...policy];

  assert.deepEqual(await findingsOf(site), [unfinished]);
  const points = await callPoints(command, changes, environment);
  const finished = contentOf(site.repositoryPath);
  assert.deepEqual(await findingsOf(site), []);
  await assertKept(site, kept);

  const random = new Seeded(seed);
  let killed = 0;
  let halfRemoved = 0;
  for (let round = 0; round < rounds; round++) {
    begin();
    // One in each of as many equal shares of the run, so that few rounds meet all of its steps.
    const index = Math.floor(((round + random.next()) / rounds) * points.length);
    const point = points[index];
    assert.ok(point !== undefined);
    const fault = { ...point, effect: 'signal=KILL' } as const;
    const { signal: endedBy, exitCode, stderr } = await runWithFault(command, fault, environment);
    if (endedBy === 'SIGKILL') killed++;
    else assert.equal(exitCode, 0, stderr);
    const where = `killed at call ${index + 1} of ${points.length} (${point.calls}), seed ${seed}`;
    await assertKept(site, kept);
    const findings = await findingsOf(site);
    assert.deepEqual(
      findings.filter(kind => kind !== unfinished),
      [],
      where,
    );
    if (findings.length > 0) halfRemoved++;
    const next = await site.walvault(command);
    assert.equal(next.exitCode, 0, `${where}: ${next.stderr}`);
    assert.deepEqual(contentOf(site.repositoryPath), finished, where);
    tell(`${where}: ${endedBy ?? 'ended'}, ${findings.length} findings`);
  }
  return { rounds, killed, calls: points.length, halfRemoved };
}

/**
 * A full backup with an incremental one and three more full ones, WAL from before the first to behind the last, and the rest
 * of an earlier cleanup.
 * @returns the id of the newest backup
 */
async function fillRepository(site: Site): Promise<string> {
  await using opened = await openRepositoriesOf(site);
  const [repository] = opened.repositories;
  assert.ok(repository !== undefined);
  await ensureClusterRecord(
    repository,
    system,
    { postgresMajor: 15, geometry, blockSizeBytes: 8192 },
    signal,
  );
  for (let segment = 1n; segment <= lastSegment; segment++) await archiveSegment(repository, 1, segment);
  const writtenMs = Date.now() - agoMs;
  const backUp = async (number: number, parent?: string): Promise<string> => {
    const at = new Date(writtenMs - (10 - number) * hourMs);
    const time = at.toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const id = `${time}-${parent === undefined ? 'full' : 'incr'}-3f2a91`;
    const from = BigInt(number) * 6n;
    await commitBackup(repository, { id, from, to: from + 1n, at, parent });
    return id;
  };
  const first = await backUp(1);
  await backUp(2, first);
  await backUp(3);
  const partlyRemoved = await backUp(4);
  const kept = await backUp(5);
  await writeNote(repository, system, expiringNote(partlyRemoved, ['expired']), signal);
  const record = commitRecordKey(system, partlyRemoved);
  await repository.store.delete([record, signatureKey(record), claimKey(system, partlyRemoved)], { signal });
  const root = site.repositoryPath;
  const written = new Date(writtenMs);
  for (const path of pathsIn(root)) utimesSync(join(root, path), written, written);
  giveToUnprivileged(root);
  return kept;
}

async function assertKept(site: Site, kept: string): Promise<void> {
  await using opened = await openRepositoriesOf(site);
  const [repository] = opened.repositories;
  assert.ok(repository !== undefined);
  await assertWhole(repository, { kept, last: lastSegment });
}

/** With the keys that its hosts have: they sign. */
async function openRepositoriesOf({ configPath, readerEnv }: Site): Promise<OpenRepositories> {
  const { config } = await loadConfig({ path: configPath, env: readerEnv });
  return await openRepositories(config, silentLog);
}

/** The kinds of what `verify` finds, none of which may be damage. */
async function findingsOf(site: Site): Promise<string[]> {
  const { exitCode, stdout, stderr } = await site.walvault(['verify', '--json']);
  assert.equal(exitCode, 0, stdout + stderr);
  const repositories = JSON.parse(stdout) as {
    findings: { kind: string }[];
    systems: { findings: { kind: string }[] }[];
  }[];
  return repositories.flatMap(({ findings, systems }) =>
    [...findings, ...systems.flatMap(one => one.findings)].map(({ kind }) => kind),
  );
}

/** Digests by path, without notes: a killed run has announced more than once what went. */
function contentOf(root: string): Record<string, string> {
  const files = pathsIn(root).filter(path => !path.includes('/notes/'));
  return Object.fromEntries(
    files.map(path => [
      path,
      createHash('sha256')
        .update(readFileSync(join(root, path)))
        .digest('hex'),
    ]),
  );
}

function pathsIn(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}
