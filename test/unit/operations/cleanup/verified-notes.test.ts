/** What a cleanup removes of the notes of `verify`: those that newer ones replace, and those on what is gone. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { beforeAll, describe, it } from 'vitest';
import { cleanup } from '../../../../src/operations/cleanup/cleanup.ts';
import { readerHere } from '../../../../src/operations/verify/data-reader.ts';
import { verify } from '../../../../src/operations/verify/verify.ts';
import { isBackupId } from '../../../../src/repository/format/backup-record.ts';
import { backupPrefix, commitRecordKey, notesPrefix, parseNoteKey, walKey } from '../../../../src/repository/format/layout.ts'; // prettier-ignore
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { silentLog } from '../../../support/logs.ts';
import { geometry, signal, system } from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import {
  ArchiveFiles,
  copyOf,
  fillArchive,
  makeArchiveKeys,
  newer,
  older,
  openArchive,
  type ArchiveKeys,
} from '../../../support/verified-archive.ts';

const root = temporaryDirectory('verified-notes', { keepOwner: true });
let keys: ArchiveKeys;

beforeAll(async () => {
  keys = await makeArchiveKeys();
  await fillArchive(await openArchive(root, keys));
});

async function archive() {
  const directory = copyOf(root);
  return { directory, repository: await openArchive(directory, keys), files: new ArchiveFiles(directory) };
}

/** Reads everything again, unless `againAfterMs` says what is due. */
async function night(repository: Repository, againAfterMs = 0): Promise<string[]> {
  const [result] = await verify({
    repositories: [repository],
    all: [repository],
    cluster: system.cluster,
    systemId: undefined,
    data: { reader: readerHere, percent: undefined, againAfterMs },
    isRepairing: false,
    now: new Date(),
    log: silentLog,
    signal,
  });
  assert.equal(result?.problem, undefined);
  return result?.systems.flatMap(({ findings }) => findings.map(({ kind }) => kind)) ?? [];
}

/** Removes no backup. */
async function clean(repository: Repository): Promise<void> {
  const { repositories } = await cleanup({
    repositories: [repository],
    cluster: system.cluster,
    flags: { keepLast: 9 },
    configured: () => ({ minimumBackups: 1, timeZone: 'UTC' }),
    isRetired: false,
    isDryRun: false,
    now: new Date(),
    log: silentLog,
    signal,
  });
  assert.deepEqual(repositories[0]?.failures, []);
}

/** The number of `verified` notes by subject, each with its signature. */
async function noted(repository: Repository): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let signatures = 0;
  for await (const entry of repository.store.list({ prefix: notesPrefix(system), signal })) {
    if ('prefix' in entry || !entry.key.includes('-verified.json')) continue;
    const name = parseNoteKey(entry.key);
    if (name === undefined) signatures++;
    else counts[name.subject] = (counts[name.subject] ?? 0) + 1;
  }
  assert.equal(signatures, Object.values(counts).reduce((sum, count) => sum + count, 0)); // prettier-ignore
  return counts;
}

async function told(repository: Repository): Promise<unknown> {
  const survey = surveySystem(repository, system, signal);
  const { last, lastSound } = await survey.lastVerifications();
  const newest = new Map<string, number>();
  const wal = (await survey.verifiedWal(geometry)).flatMap(
    ({ timeline, first, last: end, verifiedAt }) =>
    Array.from({ length: Number(end - first) + 1 }, (_, index) => [`${timeline} ${Number(first) + index}`, verifiedAt.getTime()] as const), // prettier-ignore
  );
  const parts = (await survey.verifiedParts()).flatMap(({ backup, parts: some, verifiedAt }) =>
    some.map(range => [`${backup} ${range.join('-')}`, verifiedAt.getTime()] as const),
  );
  for (const [what, at] of [...wal, ...parts]) newest.set(what, Math.max(at, newest.get(what) ?? 0));
  return { last, lastSound, newest };
}

const once = { [older]: 1, [newer]: 1, 'wal-00000001': 1, 'wal-00000002': 1, verify: 1 };

describe('a cleanup after some nights of verify', () => {
  it('leaves the last notes, which tell all that the others told', async () => {
    const { repository } = await archive();
    for (let count = 0; count < 3; count++) assert.deepEqual(await night(repository), []);
    const before = await told(repository);
    assert.equal((await noted(repository))[older], 3);
    await clean(repository);
    assert.deepEqual(await noted(repository), once);
    assert.deepEqual(await told(repository), before);
  });

  it('keeps finding what is damaged, and the date of the last sound run', async () => {
    const { repository, files } = await archive();
    await night(repository);
    files.flip(walKey(system, geometry.fileOf(1, 6n)));
    files.flip(`${backupPrefix(system, newer)}parts/000001.tar.zst`);
    const found = ['wal-bytes-changed', 'part-bytes-changed'];
    for (let count = 0; count < 3; count++) assert.deepEqual(await night(repository), found);
    await clean(repository);
    assert.equal((await noted(repository))['verify'], 2);
    assert.deepEqual(await night(repository, 3_600_000), found);
  });

  it('removes the notes on backups and WAL that are gone', async () => {
    const { directory, repository } = await archive();
    await night(repository);
    for (const key of [commitRecordKey(system, older), `${commitRecordKey(system, older)}.sig`])
      rmSync(`${directory}/${key}`);
    rmSync(`${directory}/${backupPrefix(system, older)}`, { recursive: true });
    await clean(repository);
    const left = Object.keys(await noted(repository)).filter(isBackupId);
    assert.deepEqual(left, [newer]);
    rmSync(`${directory}/${system.cluster}/${system.systemId}/wal/00000001`, { recursive: true });
    await clean(repository);
    assert.equal((await noted(repository))['wal-00000001'], undefined);
    assert.equal((await noted(repository))['wal-00000002'], 1);
  });

  it('removes none for a note that no trusted signer signed', async () => {
    const { directory, repository } = await archive();
    await night(repository);
    const stranger = await openArchive(directory, keys, {
      keys: { ...keys.reader, signingKey: undefined, trustedSigners: [] },
      policy: 'off',
    });
    await night(stranger);
    const before = await told(repository);
    await clean(repository);
    assert.deepEqual(await told(repository), before);
  });
});
