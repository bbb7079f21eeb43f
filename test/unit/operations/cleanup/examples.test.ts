/** The configurations of docs/examples keep what their comments say. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import { loadConfig, retentionFor, type Config } from '../../../../src/config/index.ts';
import { cleanup } from '../../../../src/operations/cleanup/cleanup.ts';
import { choosePolicy } from '../../../../src/operations/cleanup/policy.ts';
import type { KnownBackup, SystemState } from '../../../../src/operations/cleanup/state.ts';
import { createMarker } from '../../../../src/repository/format/marker.ts';
import { openStore } from '../../../../src/stores/open.ts';
import { backup, kept, plan, reasonsFor, removedWal, wal } from '../../../support/cleanup-state.ts';
import { backupId, makeSource, run as copyAll } from '../../../support/copied-repository.ts';
import { silentLog } from '../../../support/logs.ts';
import { startS3Server, type S3Server } from '../../../support/servers/s3/server.ts';
import { signal, system } from '../../../support/site/archive.ts';

const examples = join(import.meta.dirname, '../../../../docs/examples');

async function configOf(name: string): Promise<Config> {
  return (await loadConfig({ path: join(examples, `${name}.toml`), env: {} })).config;
}

/** What cleanup would keep in a repository of an example; undefined: its policy has no rules. */
async function planOf(name: string, repository: string, state: Partial<SystemState>, now: number) {
  const policy = choosePolicy({}, retentionFor(await configOf(name), repository));
  return policy === undefined ? undefined : plan(state, policy, now);
}

/** A segment an hour; the backup of an hour takes that of the next one, too. */
const segmentAt = (day: number) => Math.round(day * 24) + 1;
const full = (id: string, at: number, record: Partial<KnownBackup['record']> = {}) =>
  backup({ id, at, segments: [segmentAt(at), segmentAt(at) + 1], record });
const walUntil = (day: number) => [wal(1, 1, segmentAt(day) + 2, day)];

describe('production', () => {
  it('keeps hourly incremental backups and WAL of 7 days on the local disk', async () => {
    const backups = Array.from({ length: 20 * 24 }, (_, hour) => {
      const at = 1 + hour / 24;
      const parent = hour % 24 === 0 ? {} : { parent: `h${hour - 1}` };
      return backup({ id: `h${hour}`, at, segments: [segmentAt(at), segmentAt(at) + 1], ...parent });
    });
    const now = 1 + (20 * 24 - 1) / 24 + 0.01;
    const result = await planOf('production', 'local', { backups, wal: walUntil(now) }, now);
    assert.ok(result !== undefined);
    const ids = kept(result).map(id => Number(id.slice(1)));
    // The week; the one before it, from which its first moments are restored; and what that one builds on, from its full on.
    assert.deepEqual(
      ids,
      Array.from({ length: ids.length }, (_, index) => 20 * 24 - ids.length + index),
    );
    assert.ok(ids.length >= 7 * 24 + 1 && ids.length <= 8 * 24 + 1, String(ids.length));
    assert.equal((ids[0] ?? 1) % 24, 0, 'it begins with a full backup');
    const gone = removedWal(result);
    assert.ok(gone[0]?.startsWith('1:1-'), gone.join());
  });

  it('keeps daily backups of 30 days off site, WAL of 7 days, and with the older ones what makes them consistent', async () => {
    const backups = Array.from({ length: 60 }, (_, index) => full(`d${index}`, index + 1.1));
    const now = 61;
    const result = await planOf('production', 'offsite', { backups, wal: walUntil(now) }, now);
    assert.ok(result !== undefined);
    assert.deepEqual(
      kept(result),
      Array.from({ length: 30 }, (_, index) => `d${index + 30}`),
    );
    assert.ok(reasonsFor(result, 'd52').includes('window-anchor'));
    assert.deepEqual(reasonsFor(result, 'd51'), ['keep-daily']);
    const windowed = result.backups.filter(({ isWindowStart }) => isWindowStart).map(({ id }) => id);
    assert.deepEqual(windowed, ['d52', 'd53', 'd54', 'd55', 'd56', 'd57', 'd58', 'd59']);
    // Between two of the older ones nothing is left but the two segments of each.
    assert.equal(removedWal(result).length, 23);
  });
});

describe('production, monthly', () => {
  const monthly = Array.from({ length: 18 }, (_, index) => full(`m${index}`, index * 30.5 + 5));

  it('keeps 12 months in the archive tier, and nothing is removed where it copies from', async () => {
    const state = { backups: monthly, wal: walUntil(600) };
    const result = await planOf('production-monthly', 'cold', state, 600);
    assert.ok(result !== undefined);
    assert.deepEqual(
      kept(result),
      Array.from({ length: 12 }, (_, index) => `m${index + 6}`),
    );
    assert.equal(await planOf('production-monthly', 'offsite', state, 600), undefined);
  });

  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
  });
  afterAll(() => server.close());

  it('copies: parts into the archive tier, what listings and cleanups read into the default class; no key is written twice', async () => {
    const config = await configOf('production-monthly');
    const settings = config.repositories.find(({ name }) => name === 'cold');
    assert.ok(settings?.storageClasses !== undefined);
    const store = await openStore({
      url: server.url,
      accessKeyId: new Secret(server.accessKeyId),
      secretAccessKey: new Secret(server.secretAccessKey),
      storageClasses: settings.storageClasses,
    });
    await createMarker(store, signal);
    const source = await makeSource();
    const target = { ...source, name: 'cold', store };
    const { failures, conflicts } = await copyAll(source, target, { what: { kind: 'backup', id: backupId } });
    assert.deepEqual([failures, conflicts], [[], []]);
    const classes = new Map(
      [...server.contents.objects].map(([key, { storageClass }]) => [key, storageClass]),
    );
    const parts = [...classes].filter(([key]) => key.includes('/parts/'));
    assert.ok(parts.length > 0);
    assert.deepEqual(new Set(parts.map(([, storageClass]) => storageClass)), new Set(['DEEP_ARCHIVE']));
    for (const [key, storageClass] of classes)
      if (!key.includes('/parts/')) assert.equal(storageClass, 'STANDARD', key);
    const puts = server.requests.filter(({ method }) => method === 'PUT').map(({ key }) => key);
    assert.equal(new Set(puts).size, puts.length);
    const { repositories } = await cleanup({
      repositories: [target],
      cluster: system.cluster,
      flags: {},
      configured: name => retentionFor(config, name),
      isRetired: false,
      isDryRun: false,
      now: new Date(),
      log: silentLog,
      signal,
    });
    assert.deepEqual(repositories[0]?.failures, []);
    assert.deepEqual(repositories[0]?.systems[0]?.removed.objectCount, 0);
    await store.close();
  });
});

describe('staging', () => {
  it('keeps daily backups of 7 days and any moment of the last 3', async () => {
    const backups = Array.from({ length: 20 }, (_, index) => full(`d${index}`, index + 1.1));
    const result = await planOf('staging', 'main', { backups, wal: walUntil(20.5) }, 20.5);
    assert.ok(result !== undefined);
    assert.deepEqual(
      kept(result),
      Array.from({ length: 7 }, (_, index) => `d${index + 13}`),
    );
    const windowed = result.backups.filter(({ isWindowStart }) => isWindowStart).map(({ id }) => id);
    assert.deepEqual(windowed, ['d16', 'd17', 'd18', 'd19']);
  });
});

describe('development', () => {
  it('keeps weekly backups of 2 weeks, and those by hand for a week each', async () => {
    // The first of January 2026 is a Thursday, day 4 a Monday.
    const weekly = Array.from({ length: 6 }, (_, index) => full(`w${index}`, 4.1 + index * 7));
    const byHand = [31, 38.5, 39.9].map(at =>
      full(`by-hand-${at}`, at, { keepUntil: new Date(Date.UTC(2026, 0, 1) + (at + 7) * 86_400_000) }),
    );
    const result = await planOf(
      'development',
      'main',
      { backups: [...weekly, ...byHand], wal: walUntil(40) },
      40,
    );
    assert.ok(result !== undefined);
    assert.deepEqual(kept(result).toSorted(), ['by-hand-38.5', 'by-hand-39.9', 'w4', 'w5']);
    assert.ok(reasonsFor(result, 'by-hand-38.5').includes('keep-until'));
  });
});
