/** What a thread finds in a directory, and what it leaves to its caller. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { holdDirectory } from '../../../../src/stores/fs/held-directory.ts';
import type { Found } from '../../../../src/stores/fs/look-program.ts';
import { LookThreads } from '../../../../src/stores/fs/look-threads.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

async function lookInto(root: string, ...names: readonly string[]): Promise<(Found | undefined)[]> {
  await using held = await holdDirectory(root, '');
  await using threads = new LookThreads();
  return await Promise.all(names.map(name => threads.look(held, name)));
}

function directoryWith(...names: readonly string[]): string {
  const root = temporaryDirectory('look', { keepOwner: true });
  mkdirSync(join(root, 'd'));
  for (const name of names) writeFileSync(join(root, 'd', name), name);
  return root;
}

const sidecar = '.0123456789abcdef.meta';

describe('a thread that looks into a directory', () => {
  it('finds plain files in the order of their names, with size and time, and no sidecars', async () => {
    const root = directoryWith('b', 'a.partial', `a.partial${sidecar}`, 'a', 'a.meta', 'B');
    utimesSync(join(root, 'd/b'), 5, 5);
    execFileSync('mkfifo', [join(root, 'd/pipe')]);
    const [found] = await lookInto(root, 'd');
    assert.equal(found?.names, 'B/a/a.meta/a.partial/b');
    assert.deepEqual([...found.numbers].filter((_, index) => index % 2 === 0).slice(0, 5), [1, 1, 6, 9, 1]);
    assert.equal(found.numbers[9], 5000);
  });

  it('follows no link, be it the directory itself or a file in it', async () => {
    const root = directoryWith('a');
    symlinkSync(join(root, 'd'), join(root, 'link'));
    mkdirSync(join(root, 'holds-link'));
    symlinkSync(join(root, 'd/a'), join(root, 'holds-link/a'));
    assert.deepEqual(await lookInto(root, 'link', 'holds-link'), [undefined, undefined]);
  });

  it('leaves to its caller what is missing, no directory, too large, or has directories', async () => {
    const root = directoryWith('a');
    mkdirSync(join(root, 'large'));
    for (let index = 0; index <= 5000; index++) writeFileSync(join(root, 'large', `${index}`), '');
    mkdirSync(join(root, 'above/below'), { recursive: true });
    assert.deepEqual(await lookInto(root, 'missing', 'd/a', 'large', 'above'), Array(4).fill(undefined));
  });

  it('answers each question with its own directory', async () => {
    const root = temporaryDirectory('look', { keepOwner: true });
    const names = Array.from({ length: 40 }, (_, index) => `d${index}`);
    for (const name of names) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, `in-${name}`), '');
    }
    const found = await lookInto(root, ...names, 'missing', 'd0');
    assert.deepEqual(
      found.map(one => one?.names),
      [...names.map(name => `in-${name}`), undefined, 'in-d0'],
    );
  });
});
