import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, vi } from 'vitest';
import type { Words } from '../../../../src/observe/words/table.ts';
import { holdBackup, renewalMs, type HoldOptions } from '../../../../src/operations/restore/hold.ts';
import { refuseRemoved } from '../../../../src/operations/restore/refuse-removed.ts';
import { planRestore, type RestorePlan } from '../../../../src/operations/restore/plan.ts';
import { surveyForRestore } from '../../../../src/operations/restore/survey.ts';
import { createWalEvidence } from '../../../../src/operations/restore/wal-evidence.ts';
import { expiringNote } from '../../../../src/repository/format/notes/expiring.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import { removedWalNote } from '../../../../src/repository/format/notes/removed-wal.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import type { RestoreInProgress } from '../../../../src/repository/restores-in-progress.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { backupId, makeSource, prefix } from '../../../support/copied-repository.ts';
import { silentLog, wordsInto } from '../../../support/logs.ts';
import { geometry, overrideStore, signal, system } from '../../../support/site/archive.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
let repository: Repository;
let said: Words[];

beforeEach(async () => {
  repository = await makeSource(createMemoryStore({ name: 'main', now: () => new Date() }));
  said = [];
});

async function options(more: Partial<HoldOptions> = {}): Promise<HoldOptions> {
  const [entry] = await surveySystem(repository, system, signal).believedBackups();
  assert.ok(entry !== undefined);
  return {
    repository,
    system,
    backup: entry.record,
    target: 'the end of the archive',
    directory: '/srv/restored',
    log: wordsInto(said),
    signal,
    ...more,
  };
}

function held(): Promise<RestoreInProgress[]> {
  return surveySystem(repository, system, signal).restoresInProgress(new Date());
}

async function noteCount(): Promise<number> {
  let count = 0;
  for await (const entry of repository.store.list({ prefix: `${prefix}catalog/notes/${backupId}/`, signal }))
    if ('key' in entry && entry.key.endsWith('-restored.json')) count++;
  return count;
}

describe('the hold of a restore', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('names what it reads, tells its progress now and then, and ends', async () => {
    const hold = await holdBackup(await options(), 'unpacking');
    const [first] = await held();
    assert.deepEqual(
      [
        first?.backupId,
        first?.firstSegment,
        first?.directory,
        first?.stage,
        first?.doneBytes,
        first?.totalBytes,
      ],
      [backupId, '000000010000000000000003', '/srv/restored', 'unpacking', 0, 6],
    );
    hold.log.emit({ kind: 'progress', stage: 'restore', doneBytes: 3, totalBytes: 6 });
    await vi.advanceTimersByTimeAsync(24 * hourMs);
    assert.deepEqual(
      (await held()).map(({ doneBytes, heldUntil }) => [
        doneBytes,
        heldUntil.getTime() > Date.now() + 18 * hourMs,
      ]),
      [[3, true]],
    );
    const count = await noteCount();
    assert.ok(count > 15 && count < 30, `${count} notes in a day`);
    await hold.enter('replaying', 3 * 24 * hourMs);
    assert.deepEqual(
      (await held()).map(({ stage }) => stage),
      ['replaying'],
    );
    await vi.advanceTimersByTimeAsync(10);
    await hold.end();
    assert.deepEqual(await held(), []);
    await vi.advanceTimersByTimeAsync(48 * hourMs);
    assert.equal(await noteCount(), count + 2);
    assert.deepEqual(said, []);
  });

  it('of a restore that was killed is free after a day', async () => {
    const killed = new AbortController();
    await holdBackup(await options({ signal: killed.signal }), 'unpacking');
    killed.abort(new Error('killed'));
    await vi.advanceTimersByTimeAsync(23 * hourMs);
    assert.equal((await held()).length, 1);
    await vi.advanceTimersByTimeAsync(2 * hourMs);
    assert.deepEqual(await held(), []);
  });

  it('goes on where a restore into the same directory waited for a thaw', async () => {
    const waiting = await holdBackup(await options(), 'thawing', 9 * 24 * hourMs);
    await waiting[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(5 * 24 * hourMs);
    assert.deepEqual(
      (await held()).map(({ stage }) => stage),
      ['thawing'],
    );
    const hold = await holdBackup(await options(), 'unpacking');
    assert.deepEqual(
      (await held()).map(({ stage }) => stage),
      ['unpacking'],
    );
    await vi.advanceTimersByTimeAsync(10);
    await hold.end();
    assert.deepEqual(await held(), []);
  });

  it('is said to be missing, once, where nothing may be written', async () => {
    const { store } = repository;
    const denied = () => Promise.reject(new StoreError('denied', 'put: denied'));
    const readOnly = { ...repository, store: overrideStore(store, { put: denied }) };
    const hold = await holdBackup(await options({ repository: readOnly }), 'unpacking');
    await vi.advanceTimersByTimeAsync(24 * hourMs);
    await hold.enter('replaying', hourMs);
    await hold.end();
    assert.equal(said.length, 1);
    assert.match(
      said[0]?.message ?? '',
      /a cleanup there cannot know what this restore reads, .*: put: denied$/,
    );
    assert.deepEqual(await held(), []);
  });

  it('is renewed after five minutes at first, and every six hours in the end', () => {
    const steps: number[] = [];
    for (let elapsedMs = 0; elapsedMs < 36 * hourMs; elapsedMs += renewalMs(elapsedMs))
      steps.push(renewalMs(elapsedMs));
    assert.deepEqual([steps[0], steps.at(-1)], [5 * minuteMs, 6 * hourMs]);
  });
});

describe('a restore that has claimed its backup', () => {
  async function planned(): Promise<{ plan: RestorePlan; survey: ReturnType<typeof surveySystem> }> {
    const survey = surveySystem(repository, system, signal);
    const usable = await surveyForRestore(survey, {
      verifySignatures: 'off',
      backupId,
      restorePoint: undefined,
      log: silentLog,
    });
    const evidence = createWalEvidence({ repository, system, geometry, log: silentLog, signal });
    const request = { target: { kind: 'immediate' }, backupId, timeline: undefined } as const;
    return { survey, plan: await planRestore(usable, request, evidence) };
  }

  it('is refused if a cleanup has just announced to remove it, or WAL that it needs', async () => {
    for (const note of [
      expiringNote(backupId, ['expired']),
      removedWalNote({ timeline: 1, first: 1n, last: 3n }, geometry, ['before-window']),
    ]) {
      const { survey, plan } = await planned();
      await refuseRemoved(survey, plan, signal);
      await writeNote(repository, system, note, signal);
      await assert.rejects(refuseRemoved(survey, plan, signal), /a cleanup has just begun to remove/);
    }
  });

  it('is not refused for other removals, nor for those that were announced long before', async () => {
    await writeNote(repository, system, expiringNote(backupId, ['expired']), signal);
    const { survey, plan } = await planned();
    await writeNote(
      repository,
      system,
      removedWalNote({ timeline: 1, first: 1n, last: 2n }, geometry, ['before-window']),
      signal,
    );
    await refuseRemoved(survey, plan, signal);
  });
});
