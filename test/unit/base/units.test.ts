import assert from 'node:assert/strict';
import { it } from 'vitest';
import {
  formatCount,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from '../../../src/base/units.ts';

it('parses durations with units only', () => {
  assert.equal(parseDuration('30s'), 30_000);
  assert.equal(parseDuration('5min'), 300_000);
  assert.equal(parseDuration('1h30m'), 5_400_000);
  assert.equal(parseDuration('14 d'), 14 * 86_400_000);
  assert.equal(parseDuration('1.5h'), 5_400_000);
  for (const wrong of [
    '',
    '30',
    '5 parsecs',
    's',
    '-3s',
    '3s!',
    '1h 30',
    '5constructor',
    `${'9'.repeat(400)}s`,
  ])
    assert.throws(() => parseDuration(wrong), { code: 'usage' }, wrong);
});

it('parses sizes, PostgreSQL spelling included', () => {
  assert.equal(parseSize('0'), 0);
  assert.equal(parseSize('64MiB'), 64 * 1024 ** 2);
  assert.equal(parseSize('64MB'), 64 * 1024 ** 2);
  assert.equal(parseSize('1.5 GiB'), 1.5 * 1024 ** 3);
  for (const wrong of ['', '64', 'MB', '64 MB/s', '-1MB', '5valueOf', `${'9'.repeat(400)}MB`])
    assert.throws(() => parseSize(wrong), { code: 'usage' }, wrong);
});

it('formats what people read', () => {
  assert.equal(formatSize(0), '0 B');
  assert.equal(formatSize(1023), '1023 B');
  assert.equal(formatSize(1536), '1.5 KiB');
  assert.equal(formatSize(16 * 1024 ** 2), '16.0 MiB');
  assert.equal(formatSize(250 * 1024 ** 3), '250 GiB');
  assert.equal(formatDuration(12), '12 ms');
  assert.equal(formatDuration(2340), '2.3 s');
  assert.equal(formatDuration(90_000), '1 min 30 s');
  assert.equal(formatDuration(2 * 86_400_000 + 3_600_000 + 5000), '2 d 1 h');
});

it('formats counts with their noun', () => {
  assert.equal(formatCount(0, 'file'), '0 files');
  assert.equal(formatCount(1, 'segment'), '1 segment');
  assert.equal(formatCount(2, 'repository', 'repositories'), '2 repositories');
});
