/** Who besides root could replace a file. Needs accounts, so only root runs it. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { findReplacer, findReplacerSync, findWriter, isHisOwn } from '../../../../src/base/files/outsider.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { requireRoot } from '../../../support/site/unprivileged.ts';

/** `because` with the scratch directory left out. */
async function reason(root: string, find: typeof findReplacer, path: string): Promise<string | undefined> {
  const found = await find(join(root, path));
  return found?.because.replace(`${root}/`, '');
}

function scene(): string {
  requireRoot('files of several accounts');
  const root = temporaryDirectory('outsider', { keepOwner: true });
  chmodSync(root, 0o755);
  mkdirSync(join(root, 'etc'), { mode: 0o755 });
  writeFileSync(join(root, 'etc/conf'), 'x', { mode: 0o640 });
  return root;
}

describe('who could replace a file of root', () => {
  it('nobody where root owns it and each directory on the way', async () => {
    const root = scene();
    assert.equal(await reason(root, findReplacer, 'etc/conf'), undefined);
    assert.equal(await reason(root, findWriter, 'etc/conf'), undefined);
    assert.equal(await reason(root, findWriter, 'etc/new'), undefined);
  });

  it('the owner of a directory, members of its group, and everybody', async () => {
    const root = scene();
    for (const [uid, gid, mode, expected] of [
      [4001, 0, 0o755, 'user 4001 owns etc'],
      [0, 4002, 0o775, 'group 4002 may write to etc'],
      [0, 0, 0o777, 'everybody may write to etc'],
      [0, 0, 0o775, undefined],
      [0, 4002, 0o755, undefined],
      [0, 4002, 0o3777, undefined],
    ] as const) {
      chownSync(join(root, 'etc'), uid, gid);
      chmodSync(join(root, 'etc'), mode);
      assert.equal(await reason(root, findReplacer, 'etc/conf'), expected);
      assert.deepEqual(findReplacerSync(join(root, 'etc/conf')), await findReplacer(join(root, 'etc/conf')));
    }
  });

  it('in a sticky directory: the owner of the file, and everybody while there is none', async () => {
    const root = scene();
    chmodSync(join(root, 'etc'), 0o1777);
    assert.equal(await reason(root, findReplacer, 'etc/conf'), undefined);
    assert.equal(await reason(root, findReplacer, 'etc/new'), 'everybody may write to etc');
    chownSync(join(root, 'etc/conf'), 4001, 0);
    assert.equal(await reason(root, findReplacer, 'etc/conf'), 'user 4001 owns etc/conf');
  });

  it('the owner of a link on the way, or of what it leads through', async () => {
    const root = scene();
    mkdirSync(join(root, 'his/conf.d'), { recursive: true, mode: 0o755 });
    writeFileSync(join(root, 'his/conf.d/conf'), 'x');
    symlinkSync('../his/conf.d', join(root, 'etc/link'));
    assert.equal(await reason(root, findReplacer, 'etc/link/conf'), undefined);
    chownSync(join(root, 'his'), 4001, 0);
    assert.equal(await reason(root, findReplacer, 'etc/link/conf'), 'user 4001 owns his');
    chmodSync(join(root, 'etc'), 0o1777);
    lchownSync(join(root, 'etc/link'), 4003, 0);
    assert.equal(await reason(root, findReplacer, 'etc/link/conf'), 'user 4003 owns etc/link');
  });

  it('the owner of the file, and who may write to it, can change it', async () => {
    const root = scene();
    const path = join(root, 'etc/conf');
    for (const [uid, gid, mode, expected] of [
      [4001, 0, 0o600, 'user 4001 owns etc/conf'],
      [0, 4002, 0o660, 'group 4002 may write to etc/conf'],
      [0, 0, 0o606, 'everybody may write to etc/conf'],
      [0, 4002, 0o640, undefined],
    ] as const) {
      chownSync(path, uid, gid);
      chmodSync(path, mode);
      assert.equal(await reason(root, findWriter, 'etc/conf'), expected);
    }
  });

  it('gains nothing from what is his own', () => {
    const user = { uid: 4001, gid: undefined, because: '' };
    const group = { uid: undefined, gid: 4002, because: '' };
    const everybody = { uid: undefined, gid: undefined, because: '' };
    assert.deepEqual(
      [user, group, everybody].map(one => [
        isHisOwn(one, { uid: 4001, gid: 1 }),
        isHisOwn(one, { uid: 1, gid: 4002 }),
        isHisOwn(one, { uid: 0, gid: 0 }),
      ]),
      [
        [true, false, false],
        [false, true, false],
        [false, false, false],
      ],
    );
  });
});
