/** A directory of a repository that somebody swaps for a link in the middle of a call: the call goes on where it began. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { createFsStore } from '../../../../src/stores/fs/store.ts';
import { put, signal } from '../../../contract/contract-driver.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const original = { ...fsPromises };
let root: string;
let victim: string;

beforeEach(async () => {
  root = temporaryDirectory('swapped', { keepOwner: true });
  victim = join(temporaryDirectory('victim', { keepOwner: true }), 'precious');
  mkdirSync(victim);
  await put(createFsStore({ root }), 'c/wal/a', 'x', { metadata: { a: 'b' } });
  for (const name of readdirSync(join(root, 'c/wal'))) writeFileSync(join(victim, name), 'precious');
});

afterEach(() => {
  Object.assign(fsPromises, original);
  syncBuiltinESMExports();
});

/** Puts the link in place as soon as `call` is made with arguments that match, before the call itself. */
function swapBefore(
  call: 'readdir' | 'open' | 'link',
  isTheMoment: (...args: readonly unknown[]) => boolean,
): void {
  let isSwapped = false;
  const inner = original[call] as (...args: readonly unknown[]) => Promise<unknown>;
  Object.assign(fsPromises, {
    async [call](...args: readonly unknown[]) {
      if (!isSwapped && isTheMoment(...args)) {
        isSwapped = true;
        renameSync(join(root, 'c/wal'), join(root, 'c/aside'));
        symlinkSync(victim, join(root, 'c/wal'));
      }
      return await inner(...args);
    },
  });
  syncBuiltinESMExports();
}

describe('a directory that becomes a link in the middle of a call', () => {
  it('does not lead a deletion elsewhere', async () => {
    const before = readdirSync(victim);
    swapBefore('readdir', () => true);
    assert.deepEqual(await createFsStore({ root }).delete(['c/wal/a'], { signal }), []);
    assert.deepEqual(readdirSync(victim), before);
    assert.deepEqual(readdirSync(join(root, 'c/aside')), []);
  });

  it('does not lead a put elsewhere, neither its bytes nor its name', async () => {
    const before = readdirSync(victim);
    for (const [call, isTheMoment] of [
      ['open', (_path: unknown, flags: unknown) => flags === 'wx'],
      ['link', () => true],
    ] as const) {
      swapBefore(call, isTheMoment);
      await put(createFsStore({ root }), `c/wal/${call}`, 'x', { metadata: { a: 'b' } }).catch(
        () => undefined,
      );
      assert.deepEqual(readdirSync(victim), before, call);
      fsPromises[call] = original[call] as never;
      renameSync(join(root, 'c/wal'), join(root, `c/link-${call}`));
      renameSync(join(root, 'c/aside'), join(root, 'c/wal'));
    }
  });

  it('does not lead a removal of unfinished writes elsewhere', async () => {
    const before = readdirSync(victim);
    const [sidecar = ''] = before.filter(name => name.endsWith('.meta'));
    swapBefore('open', path => String(path).endsWith('/wal'));
    const write = { key: 'c/wal/a', id: `c/wal/${sidecar}`, lastWritten: new Date(0), sizeBytes: 1 };
    const failures = await createFsStore({ root }).removeUnfinished?.([write], { signal });
    assert.equal(failures?.length, 1);
    assert.deepEqual(readdirSync(victim), before);
  });
});
