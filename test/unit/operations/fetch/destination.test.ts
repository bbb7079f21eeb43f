import assert from 'node:assert/strict';
import { chownSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { streamOf } from '../../../../src/base/bytes/streams.ts';
import { deliver } from '../../../../src/operations/fetch/destination.ts';
import { newTemporaryName } from '../../../../src/operations/fetch/temporary-name.ts';
import { recordSteps, stopRecording } from '../../../support/faults/recorded-steps.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { requireRoot } from '../../../support/site/unprivileged.ts';

describe('a file that root fetches by hand', () => {
  it("belongs to the directory's owner, or the server could not read it", async () => {
    requireRoot('only root can leave files to others');
    const walDirectory = temporaryDirectory('destination', { keepOwner: true });
    chownSync(walDirectory, 4001, 4002);
    const destination = join(walDirectory, '000000010000000000000001');
    await deliver(destination, streamOf(Buffer.from('wal')), () => undefined);
    const { uid, gid } = statSync(destination);
    assert.deepEqual({ uid, gid }, { uid: 4001, gid: 4002 });
  });
});

describe('a file that a fetch was writing when it was killed', () => {
  const digits = /(?<=\.)([0-9a-f]{10})([0-9a-f]{8})([0-9a-f]{16})(?=[0-9a-f]{12}\.tmp$)/;

  it('is removed by the next fetch, and no other', async () => {
    const directory = temporaryDirectory('destination', { keepOwner: true });
    const destination = join(directory, 'RECOVERYXLOG');
    const living = newTemporaryName(destination);
    const dead = newTemporaryName(destination).replace(
      digits,
      (_, place: string, pid: string) => `${place}${pid}${'1'.padStart(16, '0')}`,
    );
    const elsewhere = newTemporaryName(destination).replace(
      digits,
      (_, __, pid: string) => `${'1'.padStart(10, '0')}${pid}${'1'.padStart(16, '0')}`,
    );
    const ofOther = newTemporaryName(join(directory, 'RECOVERYHISTORY'));
    const others = [living, elsewhere, ofOther, join(directory, '.RECOVERYXLOG.0123456789ab.tmp')];
    for (const path of [dead, ...others]) writeFileSync(path, 'wal');
    await deliver(destination, streamOf(Buffer.from('wal')), () => undefined);
    const left = readdirSync(directory).map(name => join(directory, name));
    assert.deepEqual(left.toSorted(), [destination, ...others].toSorted());
  });
});

describe('a fetched file', () => {
  afterEach(stopRecording);

  it('has its name once it is accepted and on disk, and is delivered once its name is', async () => {
    const directory = temporaryDirectory('destination', { keepOwner: true });
    const { steps } = recordSteps(directory);
    await deliver(join(directory, 'RECOVERYXLOG'), streamOf(Buffer.from('wal')), ({ sizeBytes }) => {
      steps.push(`accept ${sizeBytes} bytes`);
    });
    assert.deepEqual(steps, ['accept 3 bytes', 'sync TEMP', 'rename TEMP RECOVERYXLOG', 'sync .']);
  });

  it('is not there when it could not be made durable', async () => {
    const directory = temporaryDirectory('destination', { keepOwner: true });
    recordSteps(directory).failSyncOf = 'TEMP';
    const delivered = deliver(join(directory, 'RECOVERYXLOG'), streamOf(Buffer.from('wal')), () => undefined);
    await assert.rejects(delivered, { code: 'local-io' });
    assert.deepEqual(readdirSync(directory), []);
  });
});
