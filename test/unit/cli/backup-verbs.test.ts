/** pin, unpin, delete and list of one repository through the command tree, with a person at a terminal or without. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../../src/base/errors/errors.ts';
import { runCli } from '../../../src/cli/program.ts';
import { createFsStore } from '../../../src/stores/fs/store.ts';
import { backupId, commitBackup } from '../../support/copied-repository.ts';
import { archiveFile, archiveSegment, makeRepository, signal } from '../../support/site/archive.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

/** Nobody else's, as root wants what it writes to and takes secrets from. */
const directory = temporaryDirectory('backup-verbs', { keepOwner: true });
const config = join(directory, 'walvault.toml');
const second = '20261123T020000Z-full-3f2a92';

async function walvault(
  argv: readonly string[],
  { answer, outputColumns }: { answer?: string; outputColumns?: number } = {},
) {
  let [stdout, stderr, question] = ['', '', ''];
  const ask = async (text: string) => {
    question = text;
    return answer ?? '';
  };
  const status = await runCli(['--config', config, ...argv], {
    signal,
    env: { PATH: process.env['PATH'] },
    stdout: text => void (stdout += text),
    stderr: text => void (stderr += text),
    isTty: false,
    outputColumns,
    ask: answer === undefined ? undefined : ask,
  });
  return { status, stdout, stderr, question };
}

beforeAll(async () => {
  const root = join(directory, 'repo');
  mkdirSync(root);
  const repository = await makeRepository({ store: createFsStore({ root }) });
  for (let number = 1n; number <= 9n; number++) await archiveSegment(repository, 1, number);
  await archiveFile(repository, '00000003.history', '1\t0/900000\tpromoted\n');
  await archiveFile(repository, '00000002.history', '1\t0/800000\tpromoted\n');
  await archiveSegment(repository, 2, 8n);
  await commitBackup(repository);
  await commitBackup(repository, { id: second, from: 6n, to: 7n });
  writeFileSync(
    config,
    `cluster = "orders"\nencryption.mode = "none"\n[[repository]]\nname = "main"\nurl = "file://${root}"\n`,
    { mode: 0o600 },
  );
});

const idsListed = async () => {
  const { stdout } = await walvault(['list', 'backups', '--csv']);
  return stdout
    .split('\r\n')
    .slice(1, -1)
    .map(line => line.split(',')[2]);
};

describe('a person and a backup', () => {
  it('pin it with a note that does no harm in a table, a terminal or a spreadsheet', async () => {
    const pinned = await walvault(['pin', backupId, '--until', '2999-12-31', '--note', '=cmd|"x" \u001b[2J']);
    assert.equal(pinned.status, 0, pinned.stderr);
    assert.match(
      pinned.stdout,
      /^repository "main": backup \S+ is pinned until 3000-01-01T.* \(pin \w{8}\)$/m,
    );
    const text = await walvault(['list', 'backups', '--pinned']);
    assert.match(text.stdout, /pinned until 3000-01-01/);
    assert.match(text.stdout, /^backup \S+: pinned by \S.*: =cmd\|"x" \\u001b\[2J \(pin \w{8}\)$/m);
    assert.doesNotMatch(text.stdout, new RegExp(second));
    const csv = await walvault(['list', 'backups', '--pinned', '--csv']);
    assert.match(csv.stdout, /,"'=cmd\|""x"" \\u001b\[2J",,\r\n$/);
    assert.equal(csv.stdout.split('\r\n').length, 3);
    const json = JSON.parse((await walvault(['list', 'backups', '--pinned', '--json'])).stdout) as {
      systems: { backups: { pins: { note: string }[]; pinned: boolean }[] }[];
    }[];
    assert.deepEqual(
      json[0]?.systems[0]?.backups.map(({ pinned, pins }) => [pinned, pins.map(({ note }) => note)]),
      [[true, ['=cmd|"x" \u001b[2J']]],
    );
  });

  it('see a table that fits their terminal', async () => {
    for (const width of [60, 80, 120, 200]) {
      const { stdout } = await walvault(['list', 'backups'], { outputColumns: width });
      const table = stdout.split('\n').filter(line => /^(BACKUP|2026)/.test(line));
      assert.equal(table.length, 3, stdout);
      for (const line of table) assert.ok(line.length <= width, `${width}: ${line}`);
    }
  });

  it('see the timelines as a tree, each below the one that it left', async () => {
    const { stdout } = await walvault(['list', 'timelines']);
    const rows = stdout.split('\n').map(line => line.trimEnd().split(/ {2,}/));
    const from = rows.findIndex(([title]) => title === 'TIMELINE');
    assert.deepEqual(
      rows.slice(from + 1, from + 4).map(cells => cells.slice(0, 3)),
      [
        ['1', '000000010000000000000009', '9'],
        ['', '2', '0/800000'],
        ['', '3', '0/900000'],
      ],
    );
    const csv = await walvault(['list', 'timelines', '--csv']);
    assert.match(csv.stdout, /^main,7300000000000000001,2,1,0\/800000,/m);
  });

  it('delete it only once it is unpinned, and its id typed', async () => {
    const pinned = await walvault(['delete', backupId, '--yes']);
    assert.equal(pinned.status, errorCodes.refused);
    assert.match(
      pinned.stderr,
      /^walvault: delete: backup \S+ stays: repository "main": backup \S+ is pinned$/m,
    );
    assert.equal((await walvault(['unpin', backupId])).status, 0);

    const planned = await walvault(['delete', backupId, '--dry-run']);
    assert.equal(planned.status, 0, planned.stderr);
    assert.match(planned.stdout, new RegExp(`^lost with it: .* from where backup ${second} leads on$`, 'm'));
    const alone = await walvault(['delete', backupId]);
    assert.equal(alone.status, errorCodes.refused);
    assert.match(alone.stderr, /^HINT: {2}Give --yes/m);
    const mistyped = await walvault(['delete', backupId], { answer: second });
    assert.equal(mistyped.status, errorCodes.refused);
    assert.match(mistyped.question, /type the id of the backup/);
    assert.deepEqual(await idsListed(), [backupId, second]);

    const deleted = await walvault(['-q', 'delete', backupId], { answer: `${backupId}\n` });
    assert.equal(deleted.status, 0, deleted.stderr);
    assert.match(deleted.stdout, /lost with it/, 'the plan is shown before the question, also with -q');
    assert.deepEqual(await idsListed(), [second]);
    const last = await walvault(['delete', second, '--yes']);
    assert.match(last.stderr, /no other whole full backup/);
    const json = await walvault(['delete', second, '--yes', '--allow-last-full', '--json']);
    const [done] = (JSON.parse(json.stdout) as { repositories: { removed: { backups: string[] } }[] })
      .repositories;
    assert.deepEqual(done?.removed.backups, [second]);
    assert.deepEqual(await idsListed(), []);
  });
});
