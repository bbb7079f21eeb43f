import assert from 'node:assert/strict';
import { it } from 'vitest';
import { plainPush } from '../../../../src/agent/client/push.ts';

it('only an ordinary push is asked of an agent', () => {
  const plain = { configPath: undefined, verbose: false, quiet: false };
  assert.deepEqual(plainPush(['push', 'pg_wal/X']), { ...plain, path: 'pg_wal/X' });
  assert.deepEqual(plainPush(['--config', 'push', 'push', '-v', 'X']), {
    path: 'X',
    configPath: 'push',
    verbose: true,
    quiet: false,
  });
  assert.equal(plainPush(['push', '--log-format', 'json', 'X']), undefined);
  assert.equal(plainPush(['push', '--log-file=/l', 'X']), undefined);
  assert.deepEqual(plainPush(['push', '--config=/c', '--quiet', 'X']), {
    path: 'X',
    configPath: '/c',
    verbose: false,
    quiet: true,
  });
  for (const args of [
    ['push'],
    ['push', '--missing'],
    ['push', 'a', 'b'],
    ['push', 'a', '--config'],
    ['push', '-x', 'a'],
    ['push', ''],
  ])
    assert.equal(plainPush(args), undefined, args.join(' '));
});
