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
import type { Repository } from '../../../../src/repository/repository.ts';
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

it('the answers, case by case', () => {
  const question: HistoryQuestion = {
    timeline: 3,
    mode: 'standby',
    pinned: undefined,
    reached: [1],
    hasOwnCopy: false,
    isReplaying: true,
    isNewerUsable: false,
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
  yield await Promise.reject(new Error('away'));
}
