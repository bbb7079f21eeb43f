import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'vitest';
import { createFsRoot, createFsStore } from '../../../../src/stores/fs/store.ts';
import { holdDirectory } from '../../../../src/stores/fs/held-directory.ts';
import { sidecarNameOf, writeSidecar, type NewSidecar } from '../../../../src/stores/fs/sidecar.ts';
import type { Store, StoreError } from '../../../../src/stores/store.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { withoutPrivileges } from '../../../support/site/without-privileges.ts';
import {
  names,
  put,
  randomBody,
  read,
  rejectsAs,
  sha256Of,
  signal,
} from '../../../contract/contract-driver.ts';

const rights = { owner: undefined, directoryMode: 0o700, fileMode: 0o600 };

function open(): { root: string; store: Store } {
  const root = temporaryDirectory('fs', { keepOwner: true });
  return { root, store: createFsStore({ root }) };
}

async function plantSidecar(root: string, key: string, sidecar: NewSidecar): Promise<void> {
  await using directory = await holdDirectory(root, dirname(key));
  await writeSidecar(directory, basename(key), sidecar, 'create');
}

/** Everything below a directory, with the content of files. */
function treeOf(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .map(
      entry =>
        join(entry.parentPath, entry.name) +
        (entry.isFile() ? ` ${readFileSync(join(entry.parentPath, entry.name), 'utf8')}` : ''),
    )
    .sort();
}

describe('createFsRoot', () => {
  it('makes private directories, and leaves an existing one as it is', async () => {
    const { root } = open();
    await createFsRoot(join(root, 'a/b'));
    assert.equal(statSync(join(root, 'a/b')).mode & 0o777, 0o700);
    await chmod(join(root, 'a/b'), 0o750);
    await createFsRoot(join(root, 'a/b'));
    assert.equal(statSync(join(root, 'a/b')).mode & 0o777, 0o750);
  });
});

describe('fs store', () => {
  it('makes files 0600 and directories 0700 whatever the umask', async () => {
    const { root, store } = open();
    const umask = process.umask(0);
    try {
      await put(store, 'a/b/c', 'x', { metadata: { a: 'b' } });
    } finally {
      process.umask(umask);
    }
    for (const path of ['a', 'a/b']) assert.equal(statSync(join(root, path)).mode & 0o777, 0o700);
    for (const name of readdirSync(join(root, 'a/b')))
      assert.equal(statSync(join(root, 'a/b', name)).mode & 0o777, 0o600, name);
  });

  it('never makes the root itself', async () => {
    const { root, store } = open();
    await put(store, 'a', 'x');
    await rename(root, `${root}.away`);
    try {
      await rejectsAs('no-container', put(store, 'b/c', 'x'));
      await rejectsAs('no-container', names(store, { prefix: 'a' }));
      await rejectsAs('no-container', store.get('a', { signal }));
      await rejectsAs('no-container', store.makeDurable?.('a', { signal }) ?? Promise.resolve());
      assert(!existsSync(root));
    } finally {
      await rename(`${root}.away`, root);
    }
    assert.equal((await read(store, 'a')).toString(), 'x');
  });

  it('a root that is a plain file is no store', async () => {
    const { root } = open();
    await writeFile(join(root, 'file'), 'x');
    const store = createFsStore({ root: join(root, 'file') });
    await rejectsAs('no-container', put(store, 'a', 'x'));
    await rejectsAs('no-container', store.head('a', { signal }));
    await rejectsAs('no-container', names(store, { prefix: '' }));
  });

  it('an object and others below its name exclude each other, clearly', async () => {
    const { store } = open();
    await put(store, 'a', 'x');
    await rejectsAs('invalid', put(store, 'a/b', 'x'));
    await rejectsAs('invalid', put(store, 'a/b/c', 'x'));
    await put(store, 'd/e', 'x');
    await rejectsAs('invalid', put(store, 'd', 'x'));
    await rejectsAs('invalid', put(store, 'd', 'x', { ifAbsent: false }));
    // Somebody else may have made them: no fault of walvault's own, which would be status 1.
    for (const key of ['a/b', 'a/b/c', 'd'])
      await assert.rejects(put(store, key, 'x'), (error: StoreError) => error.code === 'conflict');
    assert.deepEqual(await names(store, { prefix: '' }), ['a', 'd/e']);
  });

  it('tells an unreadable directory from an empty one', async () => {
    const { root, store } = open();
    await chmod(root, 0o755);
    await put(store, 'open/a', 'x');
    await chmod(join(root, 'open'), 0o755);
    await put(store, 'shut/a', 'x');
    await withoutPrivileges(async () => {
      if (process.getuid?.() !== 0) await chmod(join(root, 'shut'), 0);
      await rejectsAs('denied', names(store, { prefix: '' }));
      await rejectsAs('denied', store.get('shut/none', { signal }));
      await rejectsAs('denied', put(store, 'shut/b', 'x'));
    });
    await chmod(join(root, 'shut'), 0o700);
  });

  it('skips the lost+found of a file system of its own', async () => {
    const { root, store } = open();
    await mkdir(join(root, 'lost+found'), { mode: 0 });
    await put(store, 'a', 'x');
    assert.deepEqual(await names(store, { prefix: '' }), ['a']);
  });

  it('follows no link below its root, for reading, writing or deleting', async () => {
    const { root, store } = open();
    const elsewhere = temporaryDirectory('fs', { keepOwner: true });
    await put(createFsStore({ root: elsewhere }), 'wal/1/a', 'precious');
    await put(createFsStore({ root: elsewhere }), 'wal/1/b', 'precious', { metadata: { a: 'b' } });
    await mkdir(join(elsewhere, 'wal/1/.0123456789abcdef.walvault-tmp'));
    const before = treeOf(elsewhere);
    await mkdir(join(root, 'c'));
    await symlink(join(elsewhere, 'wal'), join(root, 'c/wal'));
    for (const key of ['c/wal/1/a', 'c/wal/1/none', 'c/wal/a', 'c/wal']) {
      await rejectsAs('denied', store.get(key, { signal }));
      await rejectsAs('denied', store.head(key, { signal }));
      await rejectsAs('denied', store.makeDurable?.(key, { signal }) ?? Promise.resolve());
      await rejectsAs('denied', names(store, { prefix: key }));
    }
    await rejectsAs('denied', names(store, { prefix: '' }));
    await rejectsAs('denied', names(store, { prefix: 'c/w', startAfter: 'c/wal/1/a' }));
    await rejectsAs('denied', names(store, { prefix: 'c/', delimiter: '/' }));
    for (const key of ['c/wal/1/new', 'c/wal/1/a', 'c/wal/new/b', 'c/wal/new'])
      for (const ifAbsent of [true, false]) await rejectsAs('denied', put(store, key, 'x', { ifAbsent }));
    const failures = await store.delete(['c/wal/1/a', 'c/wal/1/b'], { signal });
    assert.deepEqual(
      failures.map(({ error }) => error.kind),
      ['denied', 'denied'],
    );
    const unfinished = await Array.fromAsync(store.listUnfinished?.({ prefix: '', signal }) ?? []);
    assert.deepEqual(unfinished, []);
    const write = { key: 'c/wal/1/b', lastWritten: new Date(), sizeBytes: 0 };
    for (const id of [
      'c/wal/1/.0123456789abcdef.walvault-tmp',
      `c/wal/1/${sidecarNameOf('b', sha256Of(Buffer.from('precious')))}`,
    ])
      assert.equal((await store.removeUnfinished?.([{ ...write, id }], { signal }))?.length, 1);
    assert.deepEqual(treeOf(elsewhere), before);
  });

  it('never takes what lies behind a link for absent, also where it leads nowhere or in a circle', async () => {
    const { root, store } = open();
    await mkdir(join(root, 'c'));
    await symlink(join(root, 'unmounted'), join(root, 'c/wal'));
    await symlink('self', join(root, 'self'));
    await put(store, 'c/other', 'x');
    for (const key of ['c/wal/1/a', 'c/wal', 'self', 'self/a'])
      await rejectsAs('denied', store.get(key, { signal }));
    await rejectsAs('denied', names(store, { prefix: '' }));
    await rejectsAs('absent', store.get('c/none', { signal }));
    assert.deepEqual(await names(store, { prefix: 'c/o' }), ['c/other']);
    assert.deepEqual(await names(store, { prefix: '', startAfter: 'self0' }), []);
    assert.deepEqual(await store.delete(['self'], { signal }), []);
    await store.delete(['c/wal'], { signal });
    assert.deepEqual(await names(store, { prefix: '' }), ['c/other']);
  });

  it('may be a link itself', async () => {
    const { root, store } = open();
    const link = join(temporaryDirectory('fs', { keepOwner: true }), 'link');
    await symlink(root, link);
    await put(createFsStore({ root: link }), 'a/b', 'x');
    assert.deepEqual(await names(store, { prefix: '' }), ['a/b']);
    assert.deepEqual(await names(createFsStore({ root: link }), { prefix: '' }), ['a/b']);
  });

  it('waits for no named pipe in the place of a file, and never takes it for absent', async () => {
    const { root, store } = open();
    await put(store, 'a', 'x', { metadata: { a: 'b' } });
    execFileSync('mkfifo', [join(root, 'pipe'), join(root, `a.${'0'.repeat(16)}.meta`)]);
    await rejectsAs('denied', store.get('pipe', { signal }));
    await rejectsAs('denied', store.head('pipe', { signal }));
    await rejectsAs('denied', store.makeDurable?.('pipe', { signal }) ?? Promise.resolve());
    assert.deepEqual(await names(store, { prefix: '' }), ['a']);
    assert.equal((await store.head('a', { signal }))?.metadata['a'], 'b');
    await rejectsAs('exists', put(store, 'pipe', 'x', { metadata: { a: 'c' } }));
  });

  it('does not write through a link that has the name of an object', async () => {
    const { root, store } = open();
    const elsewhere = temporaryDirectory('fs', { keepOwner: true });
    await writeFile(join(elsewhere, 'victim'), 'precious');
    await symlink(join(elsewhere, 'victim'), join(root, 'a'));
    await rejectsAs('exists', put(store, 'a', 'x'));
    await put(store, 'a', 'x', { ifAbsent: false });
    assert.equal(await readFile(join(elsewhere, 'victim'), 'utf8'), 'precious');
  });

  it('hides what dead writers left, and writes beside it', async () => {
    const { root, store } = open();
    await mkdir(join(root, 'd'));
    await writeFile(join(root, 'd/.0123456789abcdef.walvault-tmp'), 'half');
    await plantSidecar(root, 'd/a', {
      content: { sizeBytes: 1, sha256: 'f'.repeat(64), metadata: { a: 'b' } },
      rights,
    });
    assert.deepEqual(await names(store, { prefix: '' }), []);
    assert.deepEqual(await names(store, { prefix: '', delimiter: '/' }), []);
    assert.equal(await store.head('d/a', { signal }), undefined);
    await put(store, 'd/a', 'x', { metadata: { mine: 'yes' } });
    assert.deepEqual({ ...(await store.head('d/a', { signal }))?.metadata }, { mine: 'yes' });
  });
});

describe('fs store: sidecars', () => {
  it('are found among very many planted ones, and those that are too large are none', async () => {
    const { root, store } = open();
    const body = randomBody(1000);
    await put(store, 'a', [body], { metadata: { mine: 'yes' } });
    await writeFile(join(root, `a.${'f'.repeat(16)}.meta`), Buffer.alloc(200_000, ' '));
    assert.deepEqual({ ...(await store.head('a', { signal }))?.metadata }, { mine: 'yes' });
    for (let index = 0; index < 50; index++)
      await writeFile(join(root, `a.${index.toString(16).padStart(16, '0')}.meta`), '{"sizeBytes":1000}');
    assert.deepEqual({ ...(await store.head('a', { signal }))?.metadata }, { mine: 'yes' });
    assert.deepEqual({ ...(await store.get('a', { signal })).stat.metadata }, { mine: 'yes' });
    assert.deepEqual((await store.get('a', { signal, withoutMetadata: true })).stat.metadata, {});
  });

  const sidecarOf = (body: Buffer, writer: string) => ({
    content: { sizeBytes: body.length, sha256: sha256Of(body), metadata: { writer } },
    rights,
  });

  it("of several the payload's own digest chooses", async () => {
    const { root, store } = open();
    const body = randomBody(1000);
    await put(store, 'a', [body], { metadata: { writer: 'right' } });
    for (let index = 0; index < 5; index++)
      await plantSidecar(root, 'a', sidecarOf(randomBody(1000), 'dead racer'));
    assert.equal((await store.head('a', { signal }))?.metadata['writer'], 'right');
    assert.equal((await store.get('a', { signal })).stat.metadata['writer'], 'right');
    assert(body.equals(await read(store, 'a')));
  });

  it('one alone of the right size but another digest is not believed by head, and get says damaged', async () => {
    const { root, store } = open();
    await put(store, 'a', [randomBody(1000)]);
    await plantSidecar(root, 'a', sidecarOf(randomBody(1000), 'dead racer'));
    assert.deepEqual({ ...(await store.head('a', { signal }))?.metadata }, {});
    await rejectsAs('damaged', read(store, 'a'));
  });

  it('a torn or foreign one counts as none', async () => {
    const { root, store } = open();
    const body = randomBody(1000);
    await put(store, 'a', [body]);
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"sizeBytes":1000}',
      JSON.stringify({ sizeBytes: 1000, sha256: 'f'.repeat(64), metadata: null }),
    ])
      // prettier-ignore
      await writeFile(join(root, sidecarNameOf('a', sha256Of(body))), text);
    assert.deepEqual({ ...(await store.head('a', { signal }))?.metadata }, {});
    assert(body.equals(await read(store, 'a')));
  });

  it('goes with its object, and a loser takes its own away', async () => {
    const { root, store } = open();
    await put(store, 'd/a', 'first', { metadata: { a: 'b' } });
    await rejectsAs('exists', put(store, 'd/a', 'other', { metadata: { a: 'c' } }));
    await rejectsAs('exists', put(store, 'd/a', 'first', { metadata: { a: 'd' } }));
    assert.equal(readdirSync(join(root, 'd')).length, 2);
    assert.deepEqual({ ...(await store.head('d/a', { signal }))?.metadata }, { a: 'b' });
    await store.delete(['d/a'], { signal });
    assert.deepEqual(readdirSync(root), []);
  });
});

describe('fs store: separate processes', () => {
  const racer = `
    import { createFsStore } from ${JSON.stringify(new URL('../../../../src/stores/fs/store.ts', import.meta.url).href)};
    const [root, key, letter] = process.argv.slice(1);
    const store = createFsStore({ root });
    process.stdin.once('data', async () => {
      try {
        const body = Buffer.alloc(2_000_000, letter);
        await store.put(key, [body], { ifAbsent: true, objectClass: 'wal', signal: new AbortController().signal, metadata: { letter } });
        process.stdout.write('won');
      } catch (error) {
        process.stdout.write(error.kind ?? String(error));
      }
      process.exit();
    });
    process.stdout.write('ready ');
  `;

  it('of eight that create the same key one wins, whole, with its own metadata', async () => {
    const { root, store } = open();
    const letters = 'abcdefgh'.split('');
    const children = letters.map(letter =>
      spawn(process.execPath, ['--input-type=module', '-e', racer, root, 'x/y/race', letter], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    await Promise.all(children.map(child => once(child.stdout, 'data')));
    const answers = children.map(async child => {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.stdin.write('go');
      await once(child, 'close');
      return text;
    });
    const outcomes = await Promise.all(answers);
    const winners = letters.filter((_, index) => outcomes[index] === 'won');
    assert.equal(winners.length, 1, outcomes.join());
    assert.equal(outcomes.filter(outcome => outcome === 'exists').length, 7, outcomes.join());
    assert(Buffer.alloc(2_000_000, winners[0]).equals(await read(store, 'x/y/race')));
    assert.equal((await store.head('x/y/race', { signal }))?.metadata['letter'], winners[0]);
    assert.equal(readdirSync(join(root, 'x/y')).length, 2);
    await rm(root, { recursive: true });
  });
});
