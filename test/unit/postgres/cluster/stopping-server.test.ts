import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, onTestFinished } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { isServerStopping } from '../../../../src/postgres/cluster/postmaster-pid.ts';
import { watchForStop } from '../../../../src/postgres/cluster/stopping-server.ts';
import { sleep } from '../../../../src/base/time/wait.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

function serverIn(status: string): { readonly dataDirectory: string; readonly walPath: string } {
  const dataDirectory = temporaryDirectory('stopping', { keepOwner: true });
  mkdirSync(join(dataDirectory, 'pg_wal'));
  setStatus(dataDirectory, status);
  return { dataDirectory, walPath: join(dataDirectory, 'pg_wal', '000000010000000000000001') };
}

function setStatus(dataDirectory: string, status: string): void {
  const lines = ['4711', dataDirectory, '1764460800', '5432', '/run/postgresql', '*', '  123456   1'];
  writeFileSync(join(dataDirectory, 'postmaster.pid'), `${[...lines, status].join('\n')}\n`);
}

function watch(walPath: string) {
  // As if PostgreSQL had waited long: only the least time is left.
  const stop = watchForStop(walPath, 60_000);
  onTestFinished(() => stop.clear());
  return stop;
}

describe('a push whose server', () => {
  it('is stopping ends soon, as interrupted', async () => {
    const stop = watch(serverIn('stopping').walPath);
    await new Promise(resolve => stop.signal.addEventListener('abort', resolve, { once: true }));
    const reason: unknown = stop.signal.reason;
    assert.ok(reason instanceof WalvaultError, String(reason));
    assert.deepEqual([reason.code, reason.retry], ['interrupted', false]);
  });

  it('is asked to stop later ends then', async () => {
    const { dataDirectory, walPath } = serverIn('ready   ');
    const stop = watch(walPath);
    await sleep(2500);
    assert.ok(!stop.signal.aborted);
    setStatus(dataDirectory, 'stopping');
    await new Promise(resolve => stop.signal.addEventListener('abort', resolve, { once: true }));
  });

  it('is stopping goes on while it makes progress', async () => {
    const stop = watch(serverIn('stopping').walPath);
    for (let n = 0; n < 6; n++) {
      await sleep(500);
      stop.restart();
    }
    assert.ok(!stop.signal.aborted);
  });
});

it('knows the status of a server, and takes what it cannot read for none', () => {
  assert.ok(isServerStopping(serverIn('stopping').dataDirectory));
  for (const status of ['starting', 'ready   ', 'standby '])
    assert.ok(!isServerStopping(serverIn(status).dataDirectory), status);
  assert.ok(!isServerStopping(join(temporaryDirectory('nothing', { keepOwner: true }), 'data')));
});
