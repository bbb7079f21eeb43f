/** In which order the directory store asks the kernel for what: its promises after a crash rest on nothing else. */
import assert from 'node:assert/strict';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { createFsStore } from '../../../../src/stores/fs/store.ts';
import {
  recordSteps,
  shownBelow,
  stopRecording,
  type RecordedSteps,
} from '../../../support/faults/recorded-steps.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { wouldShowChange } from '../../../../src/stores/fs/synced-directories.ts';
import { put, rejectsAs, signal } from '../../../contract/contract-driver.ts';

let root: string;
let recorded: RecordedSteps;
let steps: string[];
const original = { ...fsPromises };

beforeEach(() => {
  root = temporaryDirectory('fs', { keepOwner: true });
  recorded = recordSteps(root);
  ({ steps } = recorded);
});

afterEach(stopRecording);

/** So long ago that a change would show. */
async function makeOldDirectories(...paths: string[]): Promise<void> {
  for (const path of paths) await original.mkdir(join(root, path), { recursive: true });
  await delay(150);
}

async function makeAgain(path: string): Promise<void> {
  await original.rm(join(root, path), { recursive: true, force: true });
  await original.mkdir(join(root, path));
}

function syncedDirectories(): string[] {
  return steps
    .filter(step => step.startsWith('sync ') && !step.endsWith('TEMP'))
    .map(step => step.replace('sync ', ''))
    .toSorted();
}

describe('fs store: durability', () => {
  it('names a file only after its bytes and its sidecar are on disk, and returns only after its directories are', async () => {
    await put(createFsStore({ root }), 'a/b/c', 'x', { metadata: { a: 'b' } });
    const named = steps.indexOf('link TEMP a/b/c');
    assert(named > 0, steps.join('\n'));
    const before = steps.slice(0, named);
    assert.equal(before.filter(step => step === 'sync a/b/TEMP').length, 2, steps.join('\n'));
    assert(
      before.some(step => /^link TEMP a\/b\/c\.[0-9a-f]{16}\.meta$/.test(step)),
      steps.join('\n'),
    );
    const after = steps.slice(named + 1);
    for (const directory of ['a/b', 'a', '.'])
      assert(after.includes(`sync ${directory}`), `${directory}\n${steps.join('\n')}`);
  });

  it('syncs every directory up to the root once, also those that others made', async () => {
    await makeOldDirectories('a/b');
    const store = createFsStore({ root });
    await put(store, 'a/b/first', 'x');
    for (const directory of ['a/b', 'a', '.']) assert(steps.includes(`sync ${directory}`), steps.join('\n'));
    steps.length = 0;
    await put(store, 'a/b/second', 'x');
    assert.deepEqual(syncedDirectories(), ['a/b']);
  });

  for (const [how, change] of [
    ['got another entry', () => original.mkdir(join(root, 'a/c'))],
    ['lost an entry', () => original.rmdir(join(root, 'a/d'))],
    ['was made again', () => makeAgain('a/b')],
  ] as const)
    it(`syncs a directory again that ${how}, and none above it`, async () => {
      await makeOldDirectories('a/b', 'a/d');
      const store = createFsStore({ root });
      await put(store, 'a/b/first', 'x');
      await change();
      steps.length = 0;
      await put(store, 'a/b/second', 'x');
      assert.deepEqual(syncedDirectories(), ['a', 'a/b']);
    });

  it('does not rely on a time of change that a later change may leave as it is', () => {
    const second = 1_000_000_000n;
    assert(wouldShowChange(7n * second + 1n, 8n * second), 'nanoseconds');
    assert(!wouldShowChange(7n * second + 1n, 7n * second + 20_000_000n), 'one step of the clock later');
    assert(!wouldShowChange(7n * second, 8n * second), 'whole seconds');
    assert(wouldShowChange(7n * second, 10n * second), 'whole seconds, much later');
    assert(!wouldShowChange(0n, 10n * second), 'no times');
  });

  it('makes durable what a dead writer only named', async () => {
    const store = createFsStore({ root });
    await put(store, 'a/b/c', 'x', { metadata: { a: 'b' } });
    steps.length = 0;
    await store.makeDurable?.('a/b/c', { signal });
    for (const path of ['a/b/c', 'a/b', 'a', '.']) assert(steps.includes(`sync ${path}`), steps.join('\n'));
    assert(
      steps.some(step => /^sync a\/b\/c\.[0-9a-f]{16}\.meta$/.test(step)),
      steps.join('\n'),
    );
  });

  it('names nothing when its bytes could not be made durable', async () => {
    recorded.failSyncOf = 'a/TEMP';
    const store = createFsStore({ root });
    await rejectsAs('local-io', put(store, 'a/b', 'x', { metadata: { a: 'b' } }));
    assert(!steps.some(step => step.startsWith('link')), steps.join('\n'));
    assert.deepEqual(await original.readdir(root), []);
  });

  it('does not return when a directory could not be made durable', async () => {
    recorded.failSyncOf = 'a';
    await rejectsAs('local-io', put(createFsStore({ root }), 'a/b', 'x'));
  });

  it('says so when the file system has no hard links', async () => {
    fsPromises.link = () => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' }));
    syncBuiltinESMExports();
    await assert.rejects(put(createFsStore({ root }), 'a/b', 'x', { metadata: { a: 'b' } }), /no hard links/);
    assert.deepEqual(await original.readdir(root), []);
  });

  it('takes its own link for success when a repeated request was told that it exists', async () => {
    fsPromises.link = async (from, to) => {
      await original.link(from, to);
      throw Object.assign(new Error('said twice'), { code: 'EEXIST' });
    };
    syncBuiltinESMExports();
    await put(createFsStore({ root }), 'a/b', 'x');
  });

  it('a loser of the same content leaves the sidecar that the winner relies on', async () => {
    const store = createFsStore({ root });
    let isFirst = true;
    fsPromises.link = async (from, to) => {
      if (isFirst && shownBelow(root, to) === 'a/b') {
        isFirst = false;
        // Our sidecar is there, our name is not yet: now another writer comes and wins.
        await put(createFsStore({ root }), 'a/b', 'same', { metadata: { writer: 'winner' } });
      }
      await original.link(from, to);
    };
    syncBuiltinESMExports();
    await rejectsAs('exists', put(store, 'a/b', 'same', { metadata: { writer: 'loser' } }));
    assert.match((await store.head('a/b', { signal }))?.metadata['writer'] ?? '', /winner|loser/);
  });
});
