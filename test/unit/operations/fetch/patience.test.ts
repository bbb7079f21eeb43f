import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, it } from 'vitest';
import { patienceMs, startPatience } from '../../../../src/operations/fetch/patience.ts';
import { parseWalFileName, type WalFileName } from '../../../../src/postgres/wal/file-name.ts';
import type { RecoveryMode } from '../../../../src/postgres/cluster/signal-files.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const { signal } = new AbortController();

let destination: string;

beforeEach(() => {
  const walDirectory = join(temporaryDirectory('patience', { keepOwner: true }), 'pg_wal');
  mkdirSync(walDirectory);
  destination = join(walDirectory, 'RECOVERYHISTORY');
});

function fileOf(name: string): WalFileName {
  const file = parseWalFileName(name);
  assert.ok(file !== undefined, name);
  return file;
}

function options(mode: RecoveryMode, standbyTimeoutMs = 5000) {
  return { name: '00000003.history', destination, mode, timeoutMs: 60_000, standbyTimeoutMs, signal };
}

const segment = '000000020000000000000009';
const walFile = (name: string, content: string) => writeFileSync(join(dirname(destination), name), content);

describe('the patience of a fetch', () => {
  it('lets all fetches of a promotion end within the 60 s of pg_promote, at the default settings', () => {
    walFile('00000002.history', '1\t0/5000000\tno recovery target specified\n');
    // The next history in a look for new timelines, a segment twice, the next history, and the parent's.
    const names = ['00000003.history', segment, segment, '00000003.history', '00000002.history'];
    const [running, ...others] = names.map(name => patienceMs(options('standby'), fileOf(name)));
    assert.deepEqual([running, ...others], [20_000, 5000, 5000, 20_000, 5000]);
    // PostgreSQL has removed standby.signal when it asks for the parent's history.
    assert.equal(patienceMs(options('none'), fileOf('00000002.history')), 5000);
    const endsAfterPromotionMs = 5000;
    const withAgentMs = 2 * 5000;
    const sum = others.reduce((total, ms) => total + ms, endsAfterPromotionMs + withAgentMs);
    assert.ok(sum < 55_000, String(sum));
  });

  it('is the whole limit in a point-in-time recovery, where a failure ends the recovery', () => {
    walFile('00000002.history', '1\t0/5000000\tno recovery target specified\n');
    for (const name of [segment, '00000002.history', '00000003.history'])
      assert.equal(patienceMs(options('point-in-time'), fileOf(name)), 60_000);
  });

  it('does not count on a history in pg_wal that PostgreSQL could not read', () => {
    for (const junk of ['', '<html>\n']) {
      walFile('00000003.history', junk);
      assert.equal(patienceMs(options('standby'), fileOf('00000003.history')), 20_000, junk);
    }
  });

  it('ends for a history once a promotion waits, and not before the time of a segment', async () => {
    const promote = join(dirname(dirname(destination)), 'promote');
    writeFileSync(promote, '');
    const deadline = startPatience(options('standby', 100), fileOf('00000003.history'));
    try {
      assert.ok(!deadline.signal.aborted);
      await new Promise(resolve => deadline.signal.addEventListener('abort', resolve, { once: true }));
      assert.match(String(deadline.signal.reason), /a promotion waits/);
    } finally {
      deadline.clear();
    }
  });
});
