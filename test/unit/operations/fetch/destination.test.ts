import assert from 'node:assert/strict';
import { chownSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { deliver } from '../../../../src/operations/fetch/destination.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { requireRoot } from '../../../support/site/unprivileged.ts';

describe('a file that root fetches by hand', () => {
  it("belongs to the directory's owner, or the server could not read it", async () => {
    requireRoot('only root can leave files to others');
    const walDirectory = temporaryDirectory('destination', { keepOwner: true });
    chownSync(walDirectory, 4001, 4002);
    const destination = join(walDirectory, '000000010000000000000001');
    await deliver(
      destination,
      (async function* () {
        yield Buffer.from('wal');
      })(),
      () => undefined,
    );
    const { uid, gid } = statSync(destination);
    assert.deepEqual({ uid, gid }, { uid: 4001, gid: 4002 });
  });
});
