import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { ServerRun } from '../../../src/agent/purpose.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

it('a run of a server is over when its file is gone, is that of another run, or its process has died', () => {
  const directory = temporaryDirectory('run', { keepOwner: true });
  const path = join(directory, 'postmaster.pid');
  const write = (pid: number, startedAt: number) =>
    writeFileSync(path, `${pid}\n${directory}\n${startedAt}\n5432\n`);
  assert.ok(new ServerRun(directory).isOver(), 'no server');
  write(process.pid, 1000);
  const run = new ServerRun(directory);
  assert.ok(!run.isOver());
  write(process.pid, 2000);
  assert.ok(run.isOver());
  write(process.pid, 1000);
  assert.ok(!run.isOver());
  rmSync(path);
  assert.ok(run.isOver());
  // Killed, or the machine has lost its power: the file stays.
  write(spawnSync('true').pid, 1000);
  assert.ok(new ServerRun(directory).isOver());
});
