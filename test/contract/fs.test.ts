import { chmod, open, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { callDirectly } from '../../src/base/files/calls.ts';
import { createFsStore } from '../../src/stores/fs/store.ts';
import { temporaryFileName } from '../../src/stores/driver-kit/key.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import type { ContractDriver, ContractFixture } from './contract-driver.ts';
import { runStoreContract } from './store-contract.ts';
import { withoutPrivileges } from '../support/site/without-privileges.ts';

const driver: ContractDriver = {
  name: 'fs',
  async open() {
    const root = temporaryDirectory('fs', { keepOwner: true });
    return {
      store: createFsStore({ root }),
      second: createFsStore({ root }),
      boundaryBytes: 1024 * 1024,
      withoutContainer: createFsStore({ root: join(root, 'unmounted') }),
      async asDenied(work) {
        const { mode } = await stat(root);
        await chmod(root, 0o000);
        try {
          await withoutPrivileges(() => work(createFsStore({ root })));
        } finally {
          await chmod(root, mode & 0o777);
        }
      },
      leftovers: () => leftoversIn(root),
      async damage(key, how) {
        const path = join(root, key);
        if (how === 'cut') await truncate(path, 100);
        else await flipBit(path);
      },
      async close() {
        // The directory goes at exit.
      },
    };
  },
};

const lends: (keyof ContractFixture)[] = ['withoutContainer', 'asDenied', 'leftovers', 'damage'];
runStoreContract(driver, lends);

describe('in a thread that makes its file calls itself', () => {
  beforeAll(() => callDirectly());
  afterAll(() => callDirectly(false));
  runStoreContract({ ...driver, name: 'fs, directly' }, lends);
});

/** Temporary files, and sidecars without their file or beside others of the same file. */
async function leftoversIn(root: string): Promise<string[]> {
  const names = (await readdir(root, { recursive: true, withFileTypes: true })).map(entry => ({
    name: entry.name,
    path: join(entry.parentPath, entry.name),
    isDirectory: entry.isDirectory(),
  }));
  const paths = new Set(names.map(entry => entry.path));
  const owners = names
    .map(({ path }) => /^(.*)\.[0-9a-f]{16}\.meta$/.exec(path)?.[1])
    .filter(owner => owner !== undefined);
  return [
    ...names.filter(({ name }) => temporaryFileName.test(name)).map(({ path }) => path),
    ...owners.filter((owner, index) => !paths.has(owner) || owners.indexOf(owner) !== index),
    ...names
      .filter(
        ({ isDirectory, path }) => isDirectory && !names.some(other => other.path.startsWith(`${path}/`)),
      )
      .map(({ path }) => `${path} is empty`),
  ];
}

async function flipBit(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, 1000);
    byte.writeUInt8(byte.readUInt8() ^ 1);
    await handle.write(byte, 0, 1, 1000);
  } finally {
    await handle.close();
  }
}
