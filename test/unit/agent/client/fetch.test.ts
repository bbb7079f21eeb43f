import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { findAddress } from '../../../../src/agent/client/address.ts';
import { fetchThroughAgent, plainFetch } from '../../../../src/agent/client/fetch.ts';
import { listen } from '../../../../src/agent/server.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const segment = '000000010000000000000005';

describe('the arguments of a fetch that an agent may answer', () => {
  it('are those that PostgreSQL and restore write', () => {
    for (const [argv, expected] of [
      [['fetch', segment, 'pg_wal/RECOVERYXLOG'], {}],
      [['--config', '/c', 'fetch', segment, 'pg_wal/RECOVERYXLOG'], { configPath: '/c' }],
      [
        ['fetch', '--config=/c', '--timeline', '3', '--target-set', segment, 'pg_wal/RECOVERYXLOG'],
        { configPath: '/c', timeline: 3 },
      ],
      [
        ['fetch', '--timeline=3', '-q', segment, 'pg_wal/RECOVERYXLOG', '-v'],
        { timeline: 3, quiet: true, verbose: true },
      ],
    ] as const)
      assert.deepEqual(
        plainFetch(argv),
        {
          name: segment,
          destination: 'pg_wal/RECOVERYXLOG',
          timeline: undefined,
          configPath: undefined,
          verbose: false,
          quiet: false,
          ...expected,
        },
        argv.join(' '),
      );
  });

  it('are nothing else', () => {
    for (const argv of [
      ['fetch', '00000002.history', 'pg_wal/RECOVERYHISTORY'],
      ['fetch', `${segment}.00000028.backup`, 'x'],
      ['fetch', segment],
      ['fetch', segment, ''],
      ['fetch', segment, 'x', 'y'],
      ['fetch', '--system-id', '7', segment, 'x'],
      ['fetch', '--repository', 'offsite', segment, 'x'],
      ['fetch', '--repository-time', '2026-11-22T10:00:00Z', segment, 'x'],
      ['fetch', '--timeline', 'three', segment, 'x'],
      ['fetch', '--timeline', segment, 'x'],
      ['fetch', segment, 'x', '--timeline'],
      ['fetch', '--unknown', segment, 'x'],
      ['push', segment, 'x'],
    ])
      assert.equal(plainFetch(argv), undefined, argv.join(' '));
  });
});

it(
  'a fetch goes on without an agent that is at work for longer than it may be',
  { timeout: 30_000 },
  async () => {
    const workingDirectory = temporaryDirectory('data', { keepOwner: true });
    mkdirSync(join(workingDirectory, 'global'));
    writeFileSync(join(workingDirectory, 'global/pg_control'), '');
    const env = { WALVAULT_AGENT_DIRECTORY: join(workingDirectory, 's'), WALVAULT_CONFIG: '/none' };
    const walPath = 'pg_wal/RECOVERYXLOG';
    const address = findAddress({ workingDirectory, walPath, configPath: undefined, env });
    assert.ok(address !== undefined);
    const answered = Promise.withResolvers<{ kind: 'declined'; reason: 'not-ready' }>();
    const server = await listen(address, { answer: () => answered.promise, mayTakeMs: () => 1200 });
    try {
      const { signal } = new AbortController();
      const asked = await fetchThroughAgent(['fetch', segment, walPath], { env, workingDirectory, signal });
      assert.ok(asked.kind === 'unanswered');
      assert.deepEqual(asked.address, address);
      assert.equal(asked.complaint, 'still at work after 1.2 s');
    } finally {
      answered.resolve({ kind: 'declined', reason: 'not-ready' });
      server.leave();
    }
  },
);
