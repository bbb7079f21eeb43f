/**
 * Repositories that somebody else may write: attackers who add objects and attackers who replace them, by the executable,
 * with the configuration that `init` writes (signatures are required), with `warn` and with `off`.
 */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { claimingMetadata } from '../support/hostile/archive.ts';
import { HostileDirectory } from '../support/hostile/directory.ts';
import { backUp, newDirectory } from '../support/site/cycle.ts';
import { archiveEverything, coldCopy, commitRows, createSite } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

const policies = ['default', 'warn', 'off'] as const;
type Policy = (typeof policies)[number];
const envOf = (policy: Policy) => (policy === 'default' ? {} : { WALVAULT_SIGNING_VERIFY: policy });

const site = await createSite();
const origin = await site.startOrigin({ conf: { wal_keep_size: '64MB' } });
await commitRows(origin, 1, 2);
const genuine = await backUp(site, origin);
await commitRows(origin, 3, 5);
await archiveEverything(origin);
await origin.stop();
const { systemId } = await readControlFile(origin.dataDirectory, new AbortController().signal);
const system = `orders/${systemId}`;
writeFileSync(join(origin.dataDirectory, 'pg_wal/00000002.history'), '1\t0/900000\tpromoted\n', {
  mode: 0o644,
});
assert.equal((await push('00000002.history')).exitCode, 0);

const repository = new HostileDirectory(site.repositoryPath);
const saved = join(temporaryDirectory('saved'), 'repository');
cpSync(site.repositoryPath, saved, { recursive: true, preserveTimestamps: true });
afterEach(() => repository.restoreFrom(saved));

const walKeys = repository
  .names(`${system}/wal/00000001/00000000`)
  .filter(name => /^[0-9A-F]{24}$/.test(name));
const segment = walKeys.at(-2) ?? '';
const segmentKey = `${system}/wal/00000001/00000000/${segment}`;
const recoveries = {
  'recovery.signal': recoveryDirectory('recovery.signal'),
  'standby.signal': recoveryDirectory('standby.signal'),
};

function recoveryDirectory(signalFile: string): string {
  const copy = coldCopy(origin);
  writeFileSync(join(copy, signalFile), '');
  giveToUnprivileged(copy);
  return copy;
}

function push(name: string, policy: Policy = 'default') {
  return site.walvault(['push', `pg_wal/${name}`], { cwd: origin.dataDirectory, env: envOf(policy) });
}

function fetch(name: string, mode: keyof typeof recoveries, policy: Policy = 'default') {
  return site.walvault(['fetch', '--timeline', '1', name, 'pg_wal/RECOVERYXLOG'], {
    cwd: recoveries[mode],
    env: envOf(policy),
  });
}

async function planned(policy: Policy) {
  const done = await site.walvault(['restore', newDirectory(), '--dry-run', '--target-timeline', '1'], {
    env: envOf(policy),
  });
  return { ...done, text: done.stdout + done.stderr };
}

/** A copy of the genuine backup under another id: newest by its record, and unsigned. */
function plantBackup(): string {
  const id = '20991122T020000Z-full-aaaaaa';
  const record = `${system}/catalog/backups/${genuine.id}.json`;
  repository.put(
    `${system}/catalog/backups/${id}.json`,
    repository.read(record).toString().replaceAll(genuine.id, id),
  );
  cpSync(join(repository.root, system, 'backups', genuine.id), join(repository.root, system, 'backups', id), {
    recursive: true,
  });
  giveToUnprivileged(repository.root);
  return id;
}

test('adds: an unsigned backup, newest by its record, is not restored', async () => {
  const id = plantBackup();
  for (const policy of policies) {
    const { exitCode, text } = await planned(policy);
    assert.equal(exitCode, 0, text);
    const plan = text.split('\n').filter(line => line.includes(policy === 'default' ? genuine.id : id));
    assert.ok(plan.length > 0, `${policy}: ${text}`);
    if (policy === 'default') expect(text).toMatch(new RegExp(`${id}.* is not signed`));
  }
  repository.remove(`${system}/catalog/backups/${genuine.id}.json`);
  const alone = await planned('default');
  assert.equal(alone.exitCode, 9, alone.text);
  expect(alone.text).toMatch(/no backup can be used: .*is not signed/);
});

test('replaces: altered WAL without a signature is not delivered', async () => {
  const plain = readFileSync(join(origin.dataDirectory, 'pg_wal', segment));
  plain[plain.length - 1] = 0xff;
  repository.put(segmentKey, plain, claimingMetadata(plain, plain));
  const inTime = await fetch(segment, 'recovery.signal');
  assert.equal(inTime.exitCode, 209, inTime.stderr);
  expect(inTime.stderr).toMatch(/is not signed/);
  assert.equal((await fetch(segment, 'standby.signal')).exitCode, 1);
  for (const policy of ['warn', 'off'] as const)
    assert.equal((await fetch(segment, 'recovery.signal', policy)).exitCode, 0);
});

test('adds and replaces: push takes garbage with the right metadata for no archived file', async () => {
  const plain = readFileSync(join(origin.dataDirectory, 'pg_wal', segment));
  const junk = Buffer.from('8 bytes!');
  const { signature = '' } = repository.metadataOf(segmentKey);
  assert.notEqual(signature, '', 'what push writes is signed');
  for (const policy of policies) assert.equal((await push(segment, policy)).exitCode, 0, 'the genuine one');
  for (const metadata of [claimingMetadata(junk, plain), { ...claimingMetadata(junk, plain), signature }]) {
    repository.put(segmentKey, junk, metadata);
    for (const policy of policies) {
      const { exitCode, stderr } = await push(segment, policy);
      assert.ok(exitCode === 8 || exitCode === 9, `${policy}: ${exitCode} ${stderr}`);
    }
  }
});

test('replaces: a forged switchpoint removes no WAL, and is not shown', async () => {
  const key = `${system}/timelines/00000002.history`;
  const metadata = { ...repository.metadataOf(key), switchpoint: '0/F0000000' };
  repository.put(key, repository.read(key), metadata);
  const before = repository.names(`${system}/wal/00000001/00000000`);
  const cleanup = await site.walvault(['cleanup', '--keep-last', '1']);
  assert.equal(cleanup.exitCode, 0, cleanup.stderr);
  expect(cleanup.stdout + cleanup.stderr).toMatch(/history of timeline 2 cannot be read/);
  const kept = repository.names(`${system}/wal/00000001/00000000`);
  assert.ok(kept.includes(segment) && kept.length <= before.length);
  const list = await site.walvault(['list', '--json']);
  assert.ok(!list.stdout.includes('0/F0000000'), list.stdout);
});

test('adds: notes, records and histories of anybody stop nobody, and are counted', async () => {
  const note = (name: string, body: string) => repository.put(`${system}/catalog/notes/${name}.json`, body);
  const range = { timeline: 1, first: '000000010000000000000001', last: '0000000100000FFF00000FFF' };
  const lost = { format: 1, subject: 'wal-00000001', kind: 'wal-lost', ...range };
  note('wal-00000001/20991122T020500123Z-wal-removed', '[1');
  note('wal-00000001/20991122T020500124Z-wal-lost', JSON.stringify(lost));
  note('high-water/0000000100000FFF00000FFF-high-water', '{}');
  repository.put(`${system}/catalog/backups/20991122T020000Z-full-bbbbbb.json`, '{"format":');
  const history = Buffer.from('1\t0/F000000\tplanted\n');
  const branch = { parent: 1, switchpoint: 0xf000000n };
  repository.put(`${system}/timelines/00000063.history`, history, claimingMetadata(history, history, branch));

  const list = await site.walvault(['list', '--json']);
  assert.equal(list.exitCode, 0, list.stderr);
  const [listed] = JSON.parse(list.stdout) as {
    problem: unknown;
    systems: { passedOver: { count: number } }[];
  }[];
  assert.equal(listed?.problem, null);
  assert.equal(listed.systems[0]?.passedOver.count, 5, list.stdout);
  expect(list.stderr).toMatch(/one of its notes counts for nothing/);
  const cleanup = await site.walvault(['cleanup', '--keep-last', '1', '--dry-run']);
  assert.equal(cleanup.exitCode, 0, cleanup.stderr);
  assert.equal((await planned('default')).exitCode, 0);
  assert.equal((await fetch(segment, 'recovery.signal')).exitCode, 0);
  const end = await fetch('000000010000000000000050', 'recovery.signal');
  assert.equal(end.exitCode, 1, end.stderr);
});
