import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { readPostmasterPid } from '../../../../src/postgres/cluster/postmaster-pid.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const directory = temporaryDirectory('pid', { keepOwner: true });
const path = join(directory, 'postmaster.pid');

function read(text: string) {
  writeFileSync(path, text);
  return readPostmasterPid(directory);
}

const full = '4711\n/srv/data\n1790000000\n5433\n/run/postgresql\nlocalhost\n 1234 5678\nready   \n';
const server = { pid: 4711, startedAt: 1_790_000_000, port: 5433 };
const nowhere = { socketDirectory: undefined, listenAddress: undefined };

it('knows the process, its start, where it listens and its status', () => {
  const places = { socketDirectory: '/run/postgresql', listenAddress: 'localhost' };
  assert.deepEqual(read(full), { ...server, ...places, status: 'ready' });
  assert.deepEqual(
    read('4711\n/srv/data\n1790000000\n5433\n\n'),
    { ...server, ...nowhere, status: undefined },
    'as it is first written',
  );
});

it('takes a truncated or damaged file for none', () => {
  const lines = full.split('\n');
  for (const count of [0, 1, 2, 3])
    assert.equal(read(lines.slice(0, count).join('\n')), undefined, `${count} lines`);
  for (const pid of ['', '0', '4711x', '\0\0\0\0', '1e3', '-4711'])
    assert.equal(read(full.replace('4711', pid)), undefined, JSON.stringify(pid));
  assert.equal(read(full.replace('5433', '')), undefined);
});

it('finds none in a directory without the file, and says so of one that cannot be read', () => {
  assert.equal(readPostmasterPid(join(directory, 'missing')), undefined);
  mkdirSync(join(directory, 'odd/postmaster.pid'), { recursive: true });
  assert.throws(() => readPostmasterPid(join(directory, 'odd')), { code: 'EISDIR' });
});
