import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'vitest';
import { renderJson } from '../../../../src/cli/render/json.ts';
import { statusExit } from '../../../../src/cli/render/status/exit.ts';
import { statusJson } from '../../../../src/cli/render/status/json.ts';
import { nagiosProblem, nagiosStatuses, renderNagios } from '../../../../src/cli/render/status/nagios.ts';
import { renderPrometheus } from '../../../../src/cli/render/status/prometheus.ts';
import { renderStatus } from '../../../../src/cli/render/status/screen.ts';
import { judge } from '../../../../src/operations/status/judge.ts';
import type { StatusFacts } from '../../../../src/operations/status/facts.ts';
import type { Status } from '../../../../src/operations/status/result.ts';
import { parseExposition } from '../../../support/exposition.ts';
import { violations, type Schema } from '../../../support/json-schema.ts';
import {
  healthy,
  now,
  repositoryFacts,
  serverFacts,
  statusFacts,
  systemFacts,
} from '../../../support/status-facts.ts';
import { restoring } from '../../../support/cleanup-state.ts';
import { minute } from '../../../support/restore-scenario.ts';

const judged = (changes: Partial<StatusFacts> = {}) => judge(statusFacts(changes), now);
const anomaly = {
  measure: 'ratio',
  value: 1000,
  usual: 4000,
  lowest: 3000,
  highest: 5000,
  comparedWith: 12,
} as const;

/** Everything that can be there, and everything that can be missing. */
const statuses: readonly [string, Status][] = [
  ['a healthy cluster', judged()],
  [
    'trouble',
    judged({
      repositories: [
        repositoryFacts(
          systemFacts(
            {
              ...healthy,
              runs: [
                { timeline: 1, first: 2, last: 9 },
                { timeline: 1, first: 11, last: 28, seen: 30 },
              ],
              known: [{ timeline: 1, first: 33, last: 33, sign: 'high-water' }],
            },
            {
              anomalies: new Map([['new', [anomaly]]]),
              passedOver: { count: 2, first: { key: 'orders/1/"a|b\\c', problem: 'is not signed' } },
              restores: [restoring('new', '000000010000000000000003')],
              verified: {
                last: {
                  verifiedAt: minute(40),
                  depth: 'decoded',
                  damaged: 1,
                  warnings: 0,
                  segmentCount: 9,
                  partCount: 2,
                },
              },
              unfinished: [{ id: 'running', lastSignAt: minute(58) }],
            },
          ),
          { pricePerGib: 0.023 },
        ),
        repositoryFacts(undefined, {
          name: 'off-site',
          required: false,
          systems: { unknown: 'no answer' },
          disk: undefined,
        }),
      ],
      server: {
        known: serverFacts({
          archiver: {
            archivedCount: 5,
            failedCount: 7,
            lastArchivedWal: undefined,
            lastArchivedAt: undefined,
            lastFailure: { wal: '00000001000000000000001F', time: '', at: minute(58), isNewest: true },
          },
        }),
      },
      agent: { kind: 'silent' },
    }),
  ],
  [
    'the repositories alone',
    judged({ server: undefined, host: undefined, agent: undefined, backupIntervalMs: undefined }),
  ],
  [
    'nothing that can be looked at',
    judged({
      repositories: [
        repositoryFacts(undefined, { systems: { unknown: 'refused' }, disk: { unknown: 'hangs' } }),
      ],
      server: { unknown: 'refused' },
      host: { unknown: 'permission denied' },
      agent: { kind: 'unknown', problem: 'it belongs to another user' },
    }),
  ],
  ['an empty repository', judged({ repositories: [repositoryFacts(undefined, { systems: { known: [] } })] })],
];

describe.each(statuses)('the status of %s', (_, status) => {
  it('is what the schema says, as JSON', () => {
    const path = new URL('../../../../docs/reference/status.schema.json', import.meta.url);
    const schema = JSON.parse(readFileSync(path, 'utf8')) as Schema;
    const json: unknown = JSON.parse(renderJson(statusJson(status)));
    assert.deepEqual(violations(json, schema), []);
  });

  it('is an exposition that Prometheus takes', () => {
    const metrics = parseExposition(renderPrometheus(status));
    for (const [name, { type, samples }] of metrics) {
      assert.match(name, /^walvault_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      for (const { labels } of samples) assert.equal(labels['cluster'], 'orders');
    }
    const state = metrics.get('walvault_status')?.samples ?? [];
    assert.deepEqual(
      state.filter(({ value }) => value === 1).map(({ labels }) => labels['level']),
      [status.level],
    );
    for (const { code, subject, level } of status.findings)
      assert.ok(
        metrics
          .get('walvault_finding')
          ?.samples.some(
            ({ labels }) =>
              labels['code'] === code && labels['subject'] === subject && labels['level'] === level,
          ),
      );
  });

  it('is one line for a plugin', () => {
    const line = renderNagios(status);
    const [, level, text = '', figures = ''] =
      /^WALVAULT ([A-Z]+) - ([^|\n]+?)(?: \| ([^|\n]+))?\n$/.exec(line) ?? [];
    assert.equal(level, status.level.toUpperCase(), line);
    assert.match(text, /^orders: /);
    assert.equal(
      figures === '',
      status.repositories.every(({ isReadable }) => !isReadable),
    );
    for (const figure of figures.split(' ').filter(text => text !== ''))
      assert.match(figure, /^'[a-z0-9_-]+'=\d+(s|B)?(;\d*){0,4}$/, line);
  });

  it('fits a screen, and shows each finding with its next step', () => {
    const text = renderStatus(status);
    assert.ok(text.split('\n').length <= 45, text);
    for (const { level, message, hint } of status.findings) {
      assert.ok(text.includes(`${level.toUpperCase()}  `) && text.includes(message), text);
      assert.ok(text.includes(`HINT:  ${hint}\n`), text);
    }
    assert.doesNotMatch(text, /undefined|null|NaN|Infinity/);
  });
});

it('what is not known has no sample', () => {
  const metrics = parseExposition(renderPrometheus(judged({ server: { unknown: 'refused' } })));
  assert.equal(metrics.get('walvault_server_up')?.samples[0]?.value, 0);
  assert.equal(metrics.get('walvault_lag_bytes'), undefined);
});

it('the screen of a healthy cluster', () => {
  assert.equal(
    renderStatus(judged({ repositories: [repositoryFacts(undefined, { pricePerGib: 1 })] })),
    `cluster orders: OK at 2026-11-22T11:00:00.000Z

repository "main" (file:///srv/walvault), system 1, timeline 1
  newest      0/1F00000 on timeline 1, archived 1 min ago; the server is 512 KiB ahead
  oldest      2026-11-22T10:03:00.000Z, 0/31999A on timeline 1
  backups     2; newest new, ended 39 min ago, took 1 min, 1 B stored in 1000 B; next due 2026-11-23T10:20:00.000Z
  verified    never
  stored      WAL 1 B, backups 2.0 KiB; 66.1 KiB are added a day; costs 0.00 a month
  disk        800 GiB of 1000 GiB free

  server      primary of system 1 on timeline 1 at 0/1F80000; archived 29 files, last 2026-11-22T10:59:00.000Z, failed 0 times
  pg_wal      0 segments (0 B) wait to be archived; 60.0 GiB of 100 GiB free, full in 2118 d 14 h if archiving stopped now
  agent       process 77, version 0.1.0: 29 sent, 0 attempts failed
`,
  );
});

it('the exit status tells critical, unknown and the rest apart', () => {
  const exitOf = (name: string) =>
    statusExit(statuses.find(([which]) => which === name)?.[1] ?? assert.fail());
  assert.equal(exitOf('a healthy cluster'), 0);
  assert.equal(exitOf('trouble'), 16);
  assert.equal(exitOf('nothing that can be looked at'), 5);
  assert.equal(statusExit(judged({ agent: { kind: 'silent' } })), 0);
  assert.deepEqual(nagiosStatuses, { ok: 0, warning: 1, critical: 2, unknown: 3 });
});

it('a plugin that could not look says so in one line', () => {
  assert.equal(nagiosProblem('no | such\nfile'), 'WALVAULT UNKNOWN - no / such file\n');
});
