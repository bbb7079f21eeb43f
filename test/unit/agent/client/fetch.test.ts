import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainFetch } from '../../../../src/agent/client/fetch.ts';

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
      ['fetch', '--timeline', 'three', segment, 'x'],
      ['fetch', '--timeline', segment, 'x'],
      ['fetch', segment, 'x', '--timeline'],
      ['fetch', '--unknown', segment, 'x'],
      ['push', segment, 'x'],
    ])
      assert.equal(plainFetch(argv), undefined, argv.join(' '));
  });
});
