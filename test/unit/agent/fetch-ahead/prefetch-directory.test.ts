import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { PrefetchDirectory } from '../../../../src/agent/fetch-ahead/prefetch-directory.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const modulePath = new URL('../../../../src/agent/fetch-ahead/prefetch-directory.ts', import.meta.url).href;
const namespace = readlinkSync('/proc/self/ns/pid');

function emptyWalDirectory(): string {
  return temporaryDirectory('pg_wal', { keepOwner: true });
}

/** Of this process, or of one that has ended. */
function ownerOf(process: 'living' | 'dead'): string {
  const walDirectory = emptyWalDirectory();
  if (process === 'living') new PrefetchDirectory(walDirectory).acquire();
  else {
    const program = `new (await import(${JSON.stringify(modulePath)})).PrefetchDirectory(${JSON.stringify(walDirectory)}).acquire()`;
    spawnSync(globalThis.process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  }
  return readFileSync(join(walDirectory, 'walvault.prefetch/owner'), 'latin1');
}

function leftBy(owner: string | undefined): string {
  const walDirectory = emptyWalDirectory();
  const directory = join(walDirectory, 'walvault.prefetch');
  mkdirSync(directory);
  writeFileSync(join(directory, '1.000000010000000000000005'), 'x');
  if (owner !== undefined) writeFileSync(join(directory, 'owner'), owner);
  return walDirectory;
}

describe('a prefetch directory that a fetch finds', () => {
  it('goes when the process that owned it is dead', () => {
    const walDirectory = leftBy(ownerOf('dead'));
    new PrefetchDirectory(walDirectory).removeOrphaned();
    assert.deepEqual(readdirSync(walDirectory), []);
  });

  for (const [what, owner] of [
    ['its owner lives', ownerOf('living')],
    ['its owner is of another process namespace', ownerOf('dead').replace(namespace, 'pid:[1]')],
    ['its owner did not say of which namespace it is', '999999999 1\n'],
    ['nobody says who owns it', undefined],
  ] as const)
    it(`stays when ${what}`, () => {
      const walDirectory = leftBy(owner);
      new PrefetchDirectory(walDirectory).removeOrphaned();
      assert.deepEqual(readdirSync(walDirectory), ['walvault.prefetch']);
      assert.equal(readdirSync(join(walDirectory, 'walvault.prefetch')).length, owner === undefined ? 1 : 2);
    });

  it('may be no directory, or not there', () => {
    const walDirectory = emptyWalDirectory();
    new PrefetchDirectory(walDirectory).removeOrphaned();
    symlinkSync(join(leftBy(ownerOf('dead')), 'walvault.prefetch'), join(walDirectory, 'walvault.prefetch'));
    new PrefetchDirectory(walDirectory).removeOrphaned();
    assert.deepEqual(readdirSync(walDirectory), ['walvault.prefetch']);
  });
});
