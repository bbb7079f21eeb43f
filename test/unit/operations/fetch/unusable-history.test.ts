import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, it } from 'vitest';
import { fetch, type FetchResult } from '../../../../src/operations/fetch/fetch.ts';
import type { FetchOptions } from '../../../../src/operations/fetch/options.ts';
import { answerFor, type HistoryQuestion } from '../../../../src/operations/fetch/unusable-history.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { historyPlaceholder } from '../../../../src/postgres/cluster/history-placeholder.ts';
import { walKey } from '../../../../src/repository/format/layout.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { StoreError, type ListOptions, type Store } from '../../../../src/stores/store.ts';
import { commitBackup } from '../../../support/copied-repository.ts';
import {
  archiveFile,
  archiveSegment,
  geometry,
  makeRepository,
  overrideStore,
  signal,
  system,
} from '../../../support/site/archive.ts';
import { wordsInto } from '../../../support/logs.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { walFile } from '../../../support/wal/wal.ts';

const junkHistories = {
  'an empty object': '',
  'a page of a proxy': '<html><body>503 Service Unavailable</body></html>',
  zeros: '\0'.repeat(41),
  'a comment': historyPlaceholder,
  'an ancestor above itself': '3\t0/500000\tno recovery target specified\n',
};
const second = '00000002.history';

let destination: string;
let events: Words[];
let repository: Repository;

beforeEach(async () => {
  const walDirectory = join(temporaryDirectory('history', { keepOwner: true }), 'pg_wal');
  mkdirSync(join(walDirectory, '../global'), { recursive: true });
  mkdirSync(walDirectory);
  writeFileSync(join(walDirectory, '../global/pg_control'), '');
  writeFileSync(join(walDirectory, '../PG_VERSION'), '17\n');
  destination = join(walDirectory, 'RECOVERYHISTORY');
  events = [];
  repository = await makeRepository();
});

function ask(name: string, options: Partial<FetchOptions> = {}): Promise<FetchResult> {
  return fetch({
    name,
    destination,
    system,
    geometry,
    mode: 'standby',
    reached: [{ timeline: 1, lsn: 0n }],
    timeline: undefined,
    isTargetSet: false,
    repositories: [repository],
    headerCheck: true,
    timeoutMs: 300,
    standbyTimeoutMs: 300,
    log: wordsInto(events),
    signal,
    ...options,
  });
}

async function archiveJunk(content: string, target = repository): Promise<void> {
  const key = walKey(system, walFile(second));
  await target.store.put(key, [Buffer.from(content)], { ifAbsent: false, objectClass: 'catalog', signal });
}

/** The server writes its status at the end of postmaster.pid, padded. */
function setStatus(status: string): void {
  const lines = ['1', dirname(dirname(destination)), '1', '5432', '', '', ' 1 1', `${status}   `];
  writeFileSync(join(destination, '../../postmaster.pid'), `${lines.join('\n')}\n`);
}

describe('a history that is archived and cannot be read', () => {
  for (const [what, content] of Object.entries(junkHistories)) {
    it(`${what} never reaches a server, and its number stays taken`, async () => {
      await archiveJunk(content);
      setStatus('starting');
      assert.equal((await ask(second)).outcome, 'absent', 'a standby starts on its own timeline');
      assert(!existsSync(destination));
      setStatus('ready');
      assert.equal((await ask(second)).outcome, 'placeholder', 'a standby that may be promoted');
      assert.equal(readFileSync(destination, 'utf8'), historyPlaceholder);
      assert.match(
        events.at(-1)?.message ?? '',
        /timeline 2 cannot be followed; its number stays taken: .*timelines\/00000002\.history: line 1: /,
      );
      assert.match(events.at(-1)?.hint ?? '', /walvault store rm --force/);
      await assert.rejects(ask(second, { mode: 'none' }), { code: 'damaged' });
      setStatus('starting');
      await assert.rejects(ask(second, { mode: 'point-in-time' }), { code: 'damaged' });
      await assert.rejects(ask(second, { mode: 'point-in-time', timeline: 2 }), {
        code: 'damaged',
        hint: /store rm --force/,
      });
      const atItsEnd = await ask(second, { mode: 'point-in-time', timeline: 1 });
      assert.equal(atItsEnd.outcome, 'placeholder', 'the end of a recovery along timeline 1');
    });
  }

  it('is delivered from a repository that has it whole', async () => {
    await archiveJunk('<html>');
    const good = await makeRepository({ name: 'good' });
    const content = '1\t0/500000\tno recovery target specified\n';
    await archiveFile(good, second, content);
    assert.deepEqual(await ask(second, { repositories: [repository, good] }), {
      outcome: 'delivered',
      repository: 'good',
    });
    assert.equal(readFileSync(destination, 'utf8'), content);
  });

  it('is not taken for unreadable while another repository is unreachable, nor where the listing lacks it', async () => {
    await archiveJunk('<html>');
    setStatus('ready');
    const away = { ...repository, store: overrideStore(repository.store, { list: () => failing() }) };
    await assert.rejects(ask(second, { repositories: [away] }));
    // A load balancer that answers every GET with a page.
    const page = await makeRepository();
    const get = () =>
      repository.store
        .get(walKey(system, walFile(second)), { signal })
        .then(({ stat, body }) => ({ stat, body }));
    const balancer = { ...page, store: overrideStore(page.store, { get }) };
    await assert.rejects(ask('00000007.history', { repositories: [balancer] }), { code: 'unreachable' });
    assert(!existsSync(destination));
  });

  it('does not hide a newer one from a server that starts', async () => {
    await archiveJunk('<html>');
    await archiveFile(repository, '00000003.history', '1\t0/500000\tno recovery target specified\n');
    setStatus('starting');
    assert.equal((await ask(second)).outcome, 'placeholder');
    assert.equal((await ask(second, { mode: 'point-in-time' })).outcome, 'placeholder');
    assert.equal((await ask('00000003.history')).outcome, 'delivered');
  });

  it('leaves no placeholder where a server would refuse to start beside it', async () => {
    const kept = join(dirname(destination), second);
    await archiveJunk('<html>');
    setStatus('starting');
    writeFileSync(kept, historyPlaceholder);
    assert.equal((await ask(second)).outcome, 'absent');
    assert(!existsSync(kept));
    await repository.store.delete([walKey(system, walFile(second))], { signal });
    await archiveSegment(repository, 1, 5n);
    writeFileSync(kept, historyPlaceholder);
    assert.equal((await ask(second)).outcome, 'absent', 'it was removed from the archive');
    assert(!existsSync(kept));
    writeFileSync(kept, '1\t0/500000\tx\n');
    assert.equal((await ask(second)).outcome, 'absent');
    assert(existsSync(kept), "the server's own history stays");
  });
});

describe('a history that is gone from the archive', () => {
  const third = '00000003.history';
  const content = '1\t0/500000\tno recovery target specified\n';
  const signs: Readonly<Record<string, () => Promise<void>>> = {
    'WAL of its timeline': () => archiveSegment(repository, 2, 5n),
    'WAL of a later timeline': () => archiveSegment(repository, 7, 5n),
    'a newer history that cannot be read': () => archiveFile(repository, third, '<html>'),
  };
  const noted: typeof signs = {
    'a note on WAL of its timeline': () =>
      writeNote(repository, system, highWaterNote({ timeline: 2, segment: 5n }, geometry), signal),
    'a backup on its timeline': () => commitBackup(repository, { timeline: 2 }),
  };

  for (const [what, leave] of Object.entries({ ...signs, ...noted }))
    it(`is not absent: ${what} shows it`, async () => {
      assert.equal((await ask(second)).outcome, 'absent');
      assert.equal((await ask(second, { mode: 'point-in-time' })).outcome, 'absent');
      await leave();
      const lost = { code: 'wal-missing', message: /00000002\.history is missing: / };
      await assert.rejects(ask(second, { mode: 'point-in-time' }), lost);
      await assert.rejects(ask(second, { mode: 'point-in-time', isTargetSet: true }), lost, 'a target too');
      await assert.rejects(ask(second, { mode: 'none' }), { ...lost, hint: /push --missing/ });
      const atItsEnd = await ask(second, { mode: 'point-in-time', timeline: 1 });
      assert.equal(atItsEnd.outcome, 'placeholder', 'the end of a recovery along timeline 1');
      setStatus('ready');
      assert.equal((await ask('00000009.history', { mode: 'point-in-time' })).outcome, 'absent', 'free');
      assert.equal((await ask(second, { mode: 'point-in-time' })).outcome, 'placeholder');
      if (what in signs) {
        assert.equal((await ask(second)).outcome, 'placeholder', 'a standby that may be promoted');
        setStatus('starting');
        assert.equal((await ask(second)).outcome, 'absent', 'a standby starts on its own timeline');
      }
    });

  it('does not hide a newer one that can be read', async () => {
    await archiveFile(repository, '00000004.history', content);
    for (const name of [second, third])
      assert.equal((await ask(name, { mode: 'point-in-time' })).outcome, 'placeholder');
    assert.equal((await ask('00000004.history', { mode: 'point-in-time' })).outcome, 'delivered');
  });

  it('is not asked after by a server that is on its timeline: its archive may begin there', async () => {
    await archiveSegment(repository, 5, 5n);
    const reached = [{ timeline: 5, lsn: 0n }];
    for (const mode of ['point-in-time', 'standby', 'none'] as const)
      assert.equal((await ask('00000005.history', { mode, reached })).outcome, 'absent');
    assert.equal((await ask('00000006.history', { mode: 'point-in-time', reached })).outcome, 'absent');
  });

  it('is not absent where a bucket with versions has a delete marker', async () => {
    const get: Store['get'] = (key, options) =>
      key.endsWith(second)
        ? Promise.reject(new StoreError('absent', second, { hasDeleteMarker: true }))
        : repository.store.get(key, options);
    const versioned = { ...repository, store: overrideStore(repository.store, { get }) };
    const there = { repositories: [versioned] };
    const lost = { code: 'wal-missing', message: /it was deleted from the archive/, hint: /delete marker/ };
    await assert.rejects(ask(second, { ...there, mode: 'point-in-time' }), lost);
    assert.equal(
      (await ask(second, { ...there, mode: 'point-in-time', timeline: 1 })).outcome,
      'placeholder',
    );
    setStatus('ready');
    assert.equal((await ask(second, { ...there, mode: 'point-in-time' })).outcome, 'placeholder');
    assert.equal((await ask(second, there)).outcome, 'placeholder');
  });

  it('a best-effort repository whose listings fail shows nothing', async () => {
    const name = 'offsite';
    const away = await makeRepository({ name, required: false });
    const list = ({ prefix }: ListOptions) =>
      prefix.includes('/wal/') ? failing() : away.store.list({ prefix, signal });
    const offsite = { ...away, store: overrideStore(away.store, { list }) };
    const asked = await ask(second, { mode: 'point-in-time', repositories: [repository, offsite] });
    assert.equal(asked.outcome, 'absent');
    assert.match(events.at(-1)?.message ?? '', /best-effort repository "offsite"/);
  });
});

it('the answers, case by case', () => {
  const question: HistoryQuestion = {
    timeline: 3,
    mode: 'standby',
    pinned: undefined,
    reached: [1],
    hasOwnCopy: false,
    isReplaying: true,
    isNewerUsable: false,
    isForeign: false,
  };
  const cases: readonly (readonly [Partial<HistoryQuestion>, ReturnType<typeof answerFor>])[] = [
    [{}, 'placeholder'],
    [{ isReplaying: false }, 'absent'],
    [{ isReplaying: false, isNewerUsable: true }, 'placeholder'],
    [{ hasOwnCopy: true }, 'absent'],
    [{ reached: [2, 3] }, 'absent'],
    [{ pinned: 3 }, 'placeholder'],
    [{ mode: 'none' }, 'failure'],
    [{ mode: 'none', hasOwnCopy: true }, 'failure'],
    [{ mode: 'point-in-time' }, 'placeholder'],
    [{ mode: 'point-in-time', isReplaying: false }, 'failure'],
    [{ mode: 'point-in-time', isReplaying: false, isForeign: true }, 'absent'],
    [{ mode: 'point-in-time', isForeign: true }, 'placeholder'],
    [{ mode: 'point-in-time', pinned: 3, isForeign: true }, 'failure'],
    [{ mode: 'point-in-time', reached: [3] }, 'failure'],
    [{ mode: 'point-in-time', reached: [3], hasOwnCopy: true }, 'absent'],
    [{ mode: 'point-in-time', pinned: 3 }, 'failure'],
    [{ mode: 'point-in-time', pinned: 2, isReplaying: false }, 'placeholder'],
    [{ mode: 'point-in-time', pinned: 4, isReplaying: false }, 'placeholder'],
  ];
  for (const [changed, answer] of cases)
    assert.equal(answerFor({ ...question, ...changed }), answer, JSON.stringify(changed));
});

async function* failing(): AsyncGenerator<never> {
  yield await Promise.reject(new StoreError('unreachable', 'away'));
}
