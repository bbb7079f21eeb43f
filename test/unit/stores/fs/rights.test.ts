/** Whose the files of a repository are. Other users than root test the decision alone. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { heirOf } from '../../../../src/base/files/heir.ts';
import { rightsFor } from '../../../../src/stores/fs/rights.ts';
import { createFsStore } from '../../../../src/stores/fs/store.ts';
import { names, put, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { requireRoot } from '../../../support/site/unprivileged.ts';

const server = { uid: 4001, gid: 4001 };
const other = { uid: 4002, gid: 4002 };
const sharedGroup = 4003;

/** Everything below a directory, and the directory itself. */
function treeOf(root: string): string[] {
  return [root, ...readdirSync(root, { recursive: true, encoding: 'utf8' }).map(name => join(root, name))];
}

function moduleOf(name: string): string {
  return join(import.meta.dirname, `../../../../src/stores/fs/${name}.ts`);
}

/** The whole process becomes the account, with a umask like PostgreSQL's, until `work` ends. */
async function as<T>({ uid, gid }: typeof server, work: () => Promise<T>): Promise<T> {
  const groups = process.getgroups?.() ?? [];
  const umask = process.umask(0o077);
  process.setgroups?.([gid, sharedGroup]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
    process.umask(umask);
  }
}

describe('heirOf', () => {
  it('only root leaves files to another account', () => {
    assert.deepEqual(heirOf(server, 0), server);
    assert.equal(heirOf(server, 4002), undefined);
    assert.equal(heirOf({ uid: 0, gid: 0 }, 0), undefined);
  });
});

describe('rights of new files in a directory repository', () => {
  it('without the set-group-id bit nobody but the owner, whatever the mode says', async () => {
    const root = temporaryDirectory('rights', { keepOwner: true });
    chmodSync(root, 0o777);
    assert.deepEqual(await rightsFor(root, 'a/b'), {
      owner: undefined,
      directoryMode: 0o700,
      fileMode: 0o600,
    });
  });

  it('with it the rights of its group, and none for others', async () => {
    const root = temporaryDirectory('rights', { keepOwner: true });
    for (const [mode, directoryMode, fileMode] of [
      [0o2777, 0o2770, 0o640],
      [0o2750, 0o2750, 0o640],
      [0o2700, 0o2700, 0o600],
    ] as const) {
      chmodSync(root, mode);
      assert.deepEqual(await rightsFor(root, 'a/b'), { owner: undefined, directoryMode, fileMode });
    }
  });

  it('are there whatever the umask, in directories too', async () => {
    const root = temporaryDirectory('rights', { keepOwner: true });
    chmodSync(root, 0o2770);
    const umask = process.umask(0o077);
    try {
      await put(createFsStore({ root }), 'a/b/c', 'x', { metadata: { a: 'b' } });
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(join(root, 'a/b')).mode & 0o7777, 0o2770);
    for (const name of readdirSync(join(root, 'a/b')))
      assert.equal(statSync(join(root, 'a/b', name)).mode & 0o777, 0o640, name);
  });

  it('a directory that was never given its name goes with the unfinished writes', async () => {
    const root = temporaryDirectory('rights', { keepOwner: true });
    mkdirSync(join(root, 'a/.0123456789abcdef.walvault-tmp'), { recursive: true });
    const store = createFsStore({ root });
    assert.deepEqual(await names(store, { prefix: '' }), []);
    const found = [];
    for await (const write of store.listUnfinished?.({ prefix: '', signal }) ?? []) found.push(write);
    assert.equal(found.length, 1);
    assert.deepEqual(await store.removeUnfinished?.(found, { signal }), []);
    assert.deepEqual(readdirSync(root), []);
  });
});

describe('several accounts at one directory repository', () => {
  it('what root writes stays open to the owner', async () => {
    requireRoot('only root can leave files to others');
    const root = temporaryDirectory('rights', { keepOwner: true });
    chownSync(root, server.uid, server.gid);
    const store = createFsStore({ root });
    await put(store, 'walvault.json', 'x', { metadata: { a: 'b' } });
    await put(store, 'catalog/notes/a', 'x', { metadata: { a: 'b' } });
    await put(store, 'catalog/notes/a', 'y', { metadata: { a: 'c' }, ifAbsent: false });
    for (const path of treeOf(root)) assert.equal(statSync(path).uid, server.uid, path);
    await as(server, async () => {
      assert.equal((await read(store, 'catalog/notes/a')).toString(), 'y');
      await put(store, 'catalog/notes/b', 'x');
      assert.deepEqual(await store.delete(['catalog/notes/a', 'catalog/notes/b'], { signal }), []);
    });
  });

  it('what root wrote without giving it away is found, by root and by the owner, before it is needed', async () => {
    requireRoot('only root can leave files to others');
    const root = temporaryDirectory('rights', { keepOwner: true });
    chownSync(root, server.uid, server.gid);
    const store = createFsStore({ root });
    for (const key of ['orders/wal/1', 'orders/wal/2', 'orders/backups/a/b']) await put(store, key, 'x');
    // access(2) asks for the real user: the other account needs a process of its own, which reads the sources first: these
    // may lie where only root can read.
    const program = `
      const { createFsStore } = await import(${JSON.stringify(moduleOf('store'))});
      process.setgroups([]);
      process.setgid(${server.gid});
      process.setuid(${server.uid});
      const found = await createFsStore({ root: ${JSON.stringify(root)} }).findClosed('orders', { signal: AbortSignal.timeout(10_000) });
      console.log(JSON.stringify(found ?? null));`;
    const found = async () => {
      const byRoot = await store.findClosed?.('orders', { signal });
      const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
      assert.deepEqual(JSON.parse(ran.stdout || ran.stderr), byRoot ?? null);
      return byRoot;
    };
    assert.equal(await found(), undefined);
    const file = join(root, 'orders/wal/2');
    chownSync(file, 0, 0);
    assert.deepEqual(await found(), { path: file, isDirectory: false, ownerId: 0, userId: server.uid });
    chmodSync(file, 0o644);
    assert.equal(await found(), undefined, 'it can be read');
    const directory = join(root, 'orders/backups/a');
    chownSync(directory, 0, 0);
    chmodSync(directory, 0o755);
    assert.deepEqual(await found(), { path: directory, isDirectory: true, ownerId: 0, userId: server.uid });
    chownSync(directory, server.uid, server.gid);
    assert.equal(await found(), undefined);
  });

  it("in a directory of root's the owner of the part of the repository decides", async () => {
    requireRoot('only root can leave files to others');
    const root = temporaryDirectory('rights', { keepOwner: true });
    chmodSync(root, 0o755);
    mkdirSync(join(root, 'orders'));
    chownSync(join(root, 'orders'), server.uid, server.gid);
    await put(createFsStore({ root }), 'orders/wal/1', 'x');
    for (const path of treeOf(join(root, 'orders'))) assert.equal(statSync(path).uid, server.uid, path);
  });

  it('two accounts of one group write, read and delete side by side', async () => {
    requireRoot('only root can become two accounts');
    const root = temporaryDirectory('rights', { keepOwner: true });
    chownSync(root, server.uid, sharedGroup);
    chmodSync(root, 0o2770);
    const store = createFsStore({ root });
    await as(server, () => put(store, 'a/b/1', 'x', { metadata: { by: 'server' } }));
    await as(other, async () => {
      assert.equal((await read(store, 'a/b/1')).toString(), 'x');
      await store.makeDurable?.('a/b/1', { signal });
      await put(store, 'a/b/2', 'y', { metadata: { by: 'other' } });
      assert.deepEqual(await store.delete(['a/b/1'], { signal }), []);
    });
    await as(server, async () => {
      assert.equal((await store.head('a/b/2', { signal }))?.metadata['by'], 'other');
      assert.deepEqual(await store.delete(['a/b/2'], { signal }), []);
    });
    // A sidecar of the other account, moved aside and back while its object appears.
    await as(other, () => put(store, 'c/1', 'x', { metadata: { by: 'other' } }));
    await as(server, async () => {
      const [sidecar = ''] = readdirSync(join(root, 'c')).filter(name => name.endsWith('.meta'));
      const write = { key: 'c/1', id: `c/${sidecar}`, lastWritten: new Date(0), sizeBytes: 1 };
      assert.deepEqual(await store.removeUnfinished?.([write], { signal }), []);
      assert.equal((await store.head('c/1', { signal }))?.metadata['by'], 'other');
    });
  });

  it('root is not led to the repository of somebody else', async () => {
    requireRoot('only root could be led there');
    const home = temporaryDirectory('rights', { keepOwner: true });
    chownSync(home, server.uid, server.gid);
    const offsite = temporaryDirectory('offsite', { keepOwner: true });
    await put(createFsStore({ root: offsite }), 'wal/1', 'precious');
    const store = createFsStore({ root: join(home, 'repository') });
    const refused = /another could put something in its place: user 4001 owns/;
    symlinkSync(offsite, join(home, 'repository'));
    for (const work of [
      () => names(store, { prefix: '' }),
      () => read(store, 'wal/1'),
      () => put(store, 'wal/2', 'x'),
      () => store.delete(['wal/1'], { signal }),
    ])
      await assert.rejects(work, refused);
    assert.deepEqual(await names(createFsStore({ root: offsite }), { prefix: '' }), ['wal/1']);
    // His own he may put there, as a link too.
    rmSync(join(home, 'repository'));
    mkdirSync(join(home, 'disk'));
    chownSync(join(home, 'disk'), server.uid, server.gid);
    symlinkSync('disk', join(home, 'repository'));
    await put(store, 'wal/2', 'x');
    assert.deepEqual(await names(store, { prefix: '' }), ['wal/2']);
  });

  it('an account other than root is led through no link either', async () => {
    requireRoot('it becomes another account');
    const root = temporaryDirectory('rights', { keepOwner: true });
    const elsewhere = temporaryDirectory('elsewhere', { keepOwner: true });
    for (const path of [root, elsewhere]) chownSync(path, server.uid, server.gid);
    await as(server, async () => {
      await put(createFsStore({ root: elsewhere }), '1/deep/a', 'precious');
      const store = createFsStore({ root });
      await put(store, 'wal/2/a', 'x');
      symlinkSync(join(elsewhere, '1'), join(root, 'wal/1'));
      await rejectsAs('denied', read(store, 'wal/1/deep/a'));
      await rejectsAs('denied', put(store, 'wal/1/deep/b', 'x'));
      assert.equal((await store.delete(['wal/1/deep/a'], { signal })).length, 1);
      assert.equal((await read(store, 'wal/2/a')).toString(), 'x');
    });
    assert.deepEqual(readdirSync(join(elsewhere, '1/deep')), ['a']);
  });

  it('root works for a configuration of somebody else in his own repository alone', async () => {
    requireRoot('only root could be sent elsewhere');
    const chosenBy = { uid: server.uid, gid: undefined, because: 'user 4001 owns the configuration' };
    const root = temporaryDirectory('rights', { keepOwner: true });
    await put(createFsStore({ root }), 'wal/1', 'precious');
    const store = createFsStore({ root, chosenBy });
    const refused = /root was sent there by a configuration that another may change: user 4001/;
    await assert.rejects(names(store, { prefix: '' }), refused);
    await assert.rejects(store.delete(['wal/1'], { signal }), refused);
    assert.deepEqual(await names(createFsStore({ root }), { prefix: '' }), ['wal/1']);
    chownSync(root, server.uid, server.gid);
    assert.deepEqual(await names(createFsStore({ root, chosenBy }), { prefix: '' }), ['wal/1']);
  });

  it('root refuses, and leaves nothing behind, where it may not give files away', async () => {
    requireRoot('only root can meet it');
    const root = temporaryDirectory('rights', { keepOwner: true });
    writeFileSync(join(root, 'walvault.json'), 'x');
    chownSync(root, server.uid, server.gid);
    chownSync(join(root, 'walvault.json'), server.uid, server.gid);
    const program = `
      const { createFsStore } = await import(${JSON.stringify(moduleOf('store'))});
      const options = { ifAbsent: true, signal: AbortSignal.timeout(10_000), sizeBytes: 1 };
      await createFsStore({ root: ${JSON.stringify(root)} }).put('wal/1', Buffer.from('x'), options).catch(error => console.log(error.kind, error.message));`;
    const ran = spawnSync(
      'setpriv',
      [
        '--bounding-set',
        '-chown',
        '--inh-caps',
        '-chown',
        process.execPath,
        '--input-type=module',
        '-e',
        program,
      ],
      { encoding: 'utf8' },
    );
    assert.match(ran.stdout, /^denied .*may not give files to user 4001/, ran.stderr);
    assert.deepEqual(readdirSync(root), ['walvault.json']);
  });
});
