/** PostgreSQL cannot start without `global/pg_control`: that name comes last, when all else is durable (P6). */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { finish } from '../../../../src/operations/restore/finish.ts';
import { waitingControlFilePath } from '../../../../src/operations/restore/places.ts';
import type { TablespaceTarget } from '../../../../src/operations/restore/tablespaces.ts';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import type { BackupRecord } from '../../../../src/repository/format/backup-record.ts';
import { plainCopy } from '../../../support/copy-choices.ts';
import { recordSteps, stopRecording } from '../../../support/faults/recorded-steps.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { clusterSamples } from '../../../support/wal/cluster-samples.ts';

const sample = clusterSamples.find(({ major }) => major === 15);
const label = [
  'START WAL LOCATION: 0/800028 (file 000000010000000000000002)',
  'CHECKPOINT LOCATION: 0/800060',
  'START TIMELINE: 1',
];
const genuine = {
  id: '20261122T020000Z-full-3f2a91',
  systemId: sample?.systemId,
  geometry: new WalGeometry(4 * 1024 ** 2),
  startLsn: 0x800028n,
  externalFiles: [],
} as unknown as BackupRecord;
let directory: string;

beforeEach(() => {
  directory = temporaryDirectory('finish', { keepOwner: true });
  for (const name of ['global', 'base/1']) mkdirSync(join(directory, name), { recursive: true });
  const control = Buffer.alloc(8192);
  Buffer.from(sample?.controlFile ?? '', 'base64').copy(control);
  writeFileSync(join(directory, waitingControlFilePath), control);
  writeFileSync(join(directory, 'backup_label'), `${label.join('\n')}\n`);
  for (const stray of ['standby.signal', 'postmaster.pid']) writeFileSync(join(directory, stray), '');
});
afterEach(stopRecording);

function finished(changes: Partial<BackupRecord> = {}, tablespaces: readonly TablespaceTarget[] = []) {
  return finish({
    dataDirectory: directory,
    record: { ...genuine, ...changes },
    tablespaces,
    settings: {
      mode: 'point-in-time',
      restoreCommand: 'walvault fetch %f "%p"',
      target: { kind: 'latest' },
      targetTimeline: '1',
      targetAction: 'promote',
      primaryConninfo: undefined,
    },
    choices: { ...plainCopy, targetAction: 'promote' },
    copiesConfiguration: true,
    minimumsOnTheWay: undefined,
    accessMode: 0o700,
    walDirectory: undefined,
    signal: new AbortController().signal,
  });
}

describe('the end of a restore', () => {
  it('gives pg_control its name when every other name is durable, and makes that durable', async () => {
    const { steps } = recordSteps(directory);
    await finished();
    assert.deepEqual(steps.slice(-2), [
      'rename pg_control.walvault-restore global/pg_control',
      'sync global',
    ]);
    const lastName = steps.slice(0, -2).findLastIndex(step => step.startsWith('rename'));
    const synced = steps.slice(lastName, -2);
    for (const name of ['.', 'base', 'base/1', 'global', 'pg_wal', 'pg_wal/archive_status', 'pg_tblspc'])
      assert.ok(synced.includes(`sync ${name}`), `${name}\n${steps.join('\n')}`);
    assert.deepEqual(
      readdirSync(directory).filter(name => /signal|postmaster/.test(name)),
      ['recovery.signal'],
    );
  });

  it('leaves pg_control without its name when a directory could not be made durable', async () => {
    recordSteps(directory).failSyncOf = 'base/1';
    await assert.rejects(finished(), /injected/);
    assert.ok(!existsSync(join(directory, 'global/pg_control')));
  });

  it('names in tablespace_map no directory but those that were accepted', async () => {
    const accepted = temporaryDirectory('space', { keepOwner: true });
    const space = { oid: 16385, location: accepted, directory: accepted, isInside: false };
    for (const [tablespaces, says] of [
      [[space], `16385 ${accepted}\n`],
      [[], ''],
    ] as const) {
      writeFileSync(join(directory, 'tablespace_map'), `16385 ${accepted}\n16386 /etc/elsewhere\n`);
      await finished({}, tablespaces);
      rmSync(join(directory, 'pg_tblspc'), { recursive: true });
      assert.equal(readFileSync(join(directory, 'tablespace_map'), 'utf8'), says);
      renameSync(join(directory, 'global/pg_control'), join(directory, waitingControlFilePath));
    }
  });

  for (const [what, changes] of [
    ['cluster', { systemId: 1n }],
    ['segment size', { geometry: new WalGeometry(1024 ** 2) }],
    ['start', { startLsn: 0x900028n }],
  ] as const)
    it(`refuses the files of another ${what} than the record says`, async () => {
      await assert.rejects(finished(changes), {
        code: 'damaged',
        message: /holds the files of another backup or cluster/,
      });
      assert.ok(!existsSync(join(directory, 'global/pg_control')));
    });
});
