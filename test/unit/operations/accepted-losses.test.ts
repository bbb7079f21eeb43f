/** WAL that was given up, and whose loss somebody accepted: neither verify nor status calls it damage. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { it } from 'vitest';
import type { Config } from '../../../src/config/index.ts';
import { gapsOf } from '../../../src/operations/status/judge-gaps.ts';
import { gatherRepository } from '../../../src/operations/status/gather-repository.ts';
import type { Recoverable } from '../../../src/operations/status/recoverable.ts';
import { verify } from '../../../src/operations/verify/verify.ts';
import { walKey } from '../../../src/repository/format/layout.ts';
import { acknowledgedGapNote } from '../../../src/repository/format/notes/gap-acknowledged.ts';
import { lostWalKind } from '../../../src/repository/format/notes/lost-wal.ts';
import { walSubject, writeNote } from '../../../src/repository/format/notes/note.ts';
import { silentLog } from '../../support/logs.ts';
import { geometry, signal, system } from '../../support/site/archive.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';
import { fillArchive, makeArchiveKeys, openArchive } from '../../support/verified-archive.ts';

it('a loss that was accepted is no finding of verify, and an acknowledged gap for status', async () => {
  const directory = temporaryDirectory('accepted-losses', { keepOwner: true });
  const repository = await openArchive(directory, await makeArchiveKeys());
  await fillArchive(repository);
  rmSync(`${directory}/${walKey(system, geometry.fileOf(1, 6n))}`);
  const name = geometry.nameOf(1, 6n);
  const lost = { subject: walSubject(1), kind: lostWalKind, body: { first: name, last: name } } as const;
  await writeNote(repository, system, lost, signal);
  const findings = async () => {
    const [found] = await verify({ repositories: [repository], all: [repository], cluster: system.cluster, systemId: undefined, data: undefined, isRepairing: false, now: new Date(), log: silentLog, signal }); // prettier-ignore
    return found?.systems.flatMap(one => one.findings.map(({ kind }) => kind));
  };
  const shown = async () => {
    const config = { cluster: system.cluster, repositories: [], retention: {} } as unknown as Config;
    const { systems } = await gatherRepository(repository, { config, now: new Date(), signal });
    assert.ok('known' in systems);
    return systems.known.flatMap(one => gapsOf(one, {} as Recoverable)).map(gap => gap.isAcknowledged);
  };
  assert.deepEqual([await findings(), await shown()], [['wal-gap'], [false]]);
  const by = { user: 'alice', host: 'db1', reason: 'ticket 7' };
  const accepted = acknowledgedGapNote({ timeline: 1, first: 6n, last: 6n }, geometry, by);
  await writeNote(repository, system, accepted, signal);
  assert.deepEqual([await findings(), await shown()], [[], [true]]);
});
