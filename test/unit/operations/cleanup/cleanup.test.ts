import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import type { Log } from '../../../../src/observe/events/events.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { silentLog, wordsInto } from '../../../support/logs.ts';
import { cleanup, type CleanupOptions } from '../../../../src/operations/cleanup/cleanup.ts';
import { generateKeyPair } from '../../../../src/pipeline/openpgp/index.ts';
import { parseWalFileName } from '../../../../src/postgres/wal/file-name.ts';
import { writeBackupRecord } from '../../../../src/repository/format/catalog.ts';
import { ensureClusterRecord } from '../../../../src/repository/format/cluster-record.ts';
import { Codec } from '../../../../src/repository/encoding/codec.ts';
import { encodeJson, writeSignedObject } from '../../../../src/repository/format/json-object.ts';
import { Keyring } from '../../../../src/repository/encoding/keyring.ts';
import {
  backupPrefix,
  claimKey,
  commitRecordKey,
  notesPrefix,
  walKey,
} from '../../../../src/repository/format/layout.ts';
import { createMarker } from '../../../../src/repository/format/marker.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import { restoredNote, type RestoreStage } from '../../../../src/repository/format/notes/restored.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { withMethods } from '../../../../src/stores/methods.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { backup, day, dayMs, geometry, systemId } from '../../../support/cleanup-state.ts';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';

const signal = new AbortController().signal;
const system = { cluster: 'orders', systemId };
const signing = await generateKeyPair({ userId: 'host', use: 'sign', passphrase: new Secret('x') });
const keys = temporaryDirectory('keys');
writeFileSync(join(keys, 'signing.asc'), signing.privateArmored);
writeFileSync(join(keys, 'signing.pub.asc'), signing.publicArmored);

class Lab {
  now = 0;
  readonly store: Store;
  readonly repository: Repository;

  constructor(name = 'lab') {
    this.store = createMemoryStore({ name, now: () => day(this.now) });
    const keyring = new Keyring({
      mode: 'none',
      walRecipients: [],
      backupRecipients: [],
      passphrases: [],
      privateKeys: [],
      privateKeyPassphrases: [],
      signingKey: join(keys, 'signing.asc'),
      signingPassphrase: new Secret('x'),
      trustedSigners: [join(keys, 'signing.pub.asc')],
    });
    const codec = new Codec(keyring, { compressionLevel: 0, verifySignatures: 'warn' }, silentLog);
    this.repository = { name, required: true, expectedId: undefined, store: this.store, codec };
  }

  async begin(of = system): Promise<void> {
    await createMarker(this.store, signal);
    await ensureClusterRecord(
      this.repository,
      of,
      { postgresMajor: 15, geometry, blockSizeBytes: 8192 },
      signal,
    );
  }

  async put(key: string, bytes = 10): Promise<void> {
    await this.store.put(key, [Buffer.alloc(bytes)], { ifAbsent: true, objectClass: 'wal', signal });
  }

  async archive(name: string, of = system): Promise<void> {
    const file = parseWalFileName(name);
    assert.ok(file !== undefined);
    await this.put(walKey(of, file, 'a'.repeat(64)), 1000);
  }

  async segments(first: number, last: number, of = system): Promise<void> {
    for (let number = first; number <= last; number++)
      await this.archive(geometry.nameOf(1, BigInt(number)), of);
  }

  /** `id` on day `at`, with segments ten times that. */
  async backUp(at: number, of = system, first = at * 10): Promise<string> {
    this.now = at;
    const id = `202601${String(at + 1).padStart(2, '0')}T000000Z-full-abcdef`;
    const { record } = backup({
      id,
      at,
      segments: [first, first + 1],
      record: { systemId: of.systemId },
    });
    await this.store.put(claimKey(of, id), [encodeJson({ format: 1, id })], {
      ifAbsent: true,
      objectClass: 'backup',
      signal,
    });
    for (const piece of [record.manifest, ...record.parts])
      await this.put(`${backupPrefix(of, id)}${piece.name}`, piece.storedSizeBytes);
    await writeBackupRecord(this.repository, of, record, signal);
    return id;
  }

  async keys(prefix = ''): Promise<string[]> {
    const keys: string[] = [];
    for await (const entry of this.store.list({ prefix, signal })) if ('key' in entry) keys.push(entry.key);
    return keys;
  }

  options(more: Partial<CleanupOptions> = {}): CleanupOptions {
    return {
      repositories: [this.repository],
      cluster: 'orders',
      flags: { keepLast: 1 },
      configured: () => ({ minimumBackups: 1, timeZone: 'UTC' }),
      isRetired: false,
      isDryRun: false,
      now: day(this.now),
      log: silentLog,
      signal,
      ...more,
    };
  }
}

async function threeDays(name?: string): Promise<Lab> {
  const lab = new Lab(name);
  await lab.begin();
  await lab.segments(1, 35);
  for (const at of [1, 2, 3]) await lab.backUp(at);
  return lab;
}

describe('cleanup', () => {
  it('removes what the dry run said, and nothing else', async () => {
    const lab = await threeDays();
    const before = await lab.keys();
    const foreseen = await cleanup(lab.options({ isDryRun: true }));
    assert.deepEqual(await lab.keys(), before);
    const done = await cleanup(lab.options());
    const after = await lab.keys();
    const [dry, real] = [foreseen, done].map(result => result.repositories[0]?.systems[0]);
    assert.deepEqual(dry?.plan, real?.plan);
    assert.equal(dry?.removed.freedBytes, real?.removed.freedBytes);
    assert.equal(dry?.removed.objectCount, real?.removed.objectCount);
    assert.deepEqual(dry?.removed.backups, real?.removed.backups);
    assert.equal(real?.removed.backups.length, 2);
    assert.equal(after.filter(key => key.includes('/backups/20260102')).length, 0);
    assert.deepEqual(
      after.filter(key => key.includes('/wal/')).map(key => Number.parseInt(key.slice(-8), 16)),
      [30, 31, 32, 33, 34, 35],
    );
    assert.ok(
      before.filter(key => !after.includes(key)).every(key => /\/(wal|backups|catalog\/backups)\//.test(key)),
    );
  });

  it('tells how far it is, up to what the plan removes', async () => {
    const lab = await threeDays();
    const told: [number | undefined, number | undefined][] = [];
    const log: Log = {
      emit(event) {
        if (event.kind === 'progress') told.push([event.doneObjects, event.totalObjects]);
      },
    };
    const { repositories } = await cleanup(lab.options({ log }));
    const removed = repositories[0]?.systems[0]?.removed.objectCount ?? 0;
    assert.ok(removed > 0);
    assert.deepEqual(told.at(-1), [removed, removed]);
    assert.ok(
      told.every(([, total]) => total === removed),
      JSON.stringify(told),
    );
  });

  it('announces: expiring backups, removed WAL by its first and last segment', async () => {
    const lab = await threeDays();
    await cleanup(lab.options());
    const survey = surveySystem(lab.repository, system, signal);
    // Believed, so signed: the lab trusts signers.
    assert.deepEqual(
      [...(await survey.expiring())],
      ['20260102T000000Z-full-abcdef', '20260103T000000Z-full-abcdef'],
    );
    assert.deepEqual(await survey.removedWal(geometry), [{ timeline: 1, first: 1n, last: 0x1dn }]);
  });

  it('takes partials, backup history files and kept conflicts of removed positions along, histories never', async () => {
    const lab = await threeDays();
    await lab.archive('00000001000000000000000A.00000028.backup');
    await lab.archive('00000001000000000000001E.00000028.backup');
    await lab.archive('00000001000000000000000A.partial');
    await lab.archive('000000010000000000000022.partial');
    await lab.put(
      `orders/${systemId}/wal/00000001/00000000/00000001000000000000000A.conflict.0123456789abcdef`,
    );
    await lab.put(`orders/${systemId}/timelines/00000002.history.conflict.0123456789abcdef`);
    await cleanup(lab.options());
    const left = (await lab.keys()).filter(key => /\.(backup|partial|history|conflict)/.test(key));
    assert.deepEqual(
      left.map(key => key.slice(key.lastIndexOf('/') + 1)),
      [
        '00000002.history.conflict.0123456789abcdef',
        '00000001000000000000001E.00000028.backup',
        '000000010000000000000022.partial.aaaaaaaaaaaaaaaa',
      ],
    );
  });

  it('removes all but the newest high-water note of each timeline, later where one is locked', async () => {
    const lab = await threeDays();
    for (const [timeline, segment] of [
      [1, 10n],
      [1, 20n],
      [1, 35n],
      [2, 5n],
    ] as const)
      await writeNote(lab.repository, system, highWaterNote({ timeline, segment }, geometry), signal);
    const noted = async () => (await lab.keys()).filter(key => key.includes('/high-water/')).map(nameOf);
    const nameOf = (key: string) => key.slice(key.lastIndexOf('/') + 1);
    assert.equal((await noted()).length, 8, 'notes and signatures');
    await cleanup(lab.options({ isDryRun: true }));
    assert.equal((await noted()).length, 8);
    const until = new Date('2027-01-01T00:00:00Z');
    const locked: Store = new Proxy(lab.store, {
      get(target, name) {
        if (name !== 'delete') return Reflect.get(target, name) as unknown;
        return async (keys: readonly string[], options: { signal: AbortSignal }) => {
          const stuck = keys.filter(key => key.includes('/high-water/'));
          await target.delete(
            keys.filter(key => !stuck.includes(key)),
            options,
          );
          return stuck.map(key => ({
            key,
            error: new StoreError('denied', 'locked', { lockedUntil: until }),
          }));
        };
      },
    });
    const first = await cleanup(lab.options({ repositories: [{ ...lab.repository, store: locked }] }));
    assert.deepEqual(
      first.repositories[0]?.failures,
      [],
      'a lock on them is nothing that a person must know',
    );
    assert.equal((await noted()).length, 8);
    await cleanup(lab.options());
    const newest = ['000000010000000000000023', '000000020000000000000005'];
    assert.deepEqual(
      await noted(),
      newest.flatMap(name => [`${name}-high-water.json`, `${name}-high-water.json.sig`]),
    );
  });

  it('removes more than a thousand objects', async () => {
    const lab = new Lab();
    await lab.begin();
    await lab.segments(1, 2500);
    await lab.backUp(3);
    await lab.backUp(9, system, 2400);
    const { repositories } = await cleanup(lab.options());
    assert.deepEqual(repositories[0]?.failures, []);
    assert.equal((await lab.keys(`orders/${systemId}/wal/`)).length, 101);
  });

  it('goes on after a failed deletion, says so, and finishes in the next run', async () => {
    const lab = await threeDays();
    const record = commitRecordKey(system, '20260102T000000Z-full-abcdef');
    let stuck = record;
    const store: Store = new Proxy(lab.store, {
      get(target, name) {
        if (name === 'delete') {
          return async (keys: readonly string[], options: { signal: AbortSignal }) => {
            const refused = keys.filter(key => key === stuck);
            await target.delete(
              keys.filter(key => !refused.includes(key)),
              options,
            );
            return refused.map(key => ({ key, error: new StoreError('denied', `delete ${key}: locked`) }));
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const repository = { ...lab.repository, store };
    const run = async () => (await cleanup(lab.options({ repositories: [repository] }))).repositories[0];
    const first = await run();
    assert.equal(first?.failures.length, 1);
    assert.match(first?.failures[0]?.message ?? '', /locked/);
    // A record that stays keeps its data and all WAL: it is still a whole backup.
    assert.equal((await lab.keys(backupPrefix(system, '20260102T000000Z-full-abcdef'))).length, 3);
    assert.equal((await lab.keys(backupPrefix(system, '20260103T000000Z-full-abcdef'))).length, 0);
    assert.equal((await lab.keys(`orders/${systemId}/wal/`)).length, 35);
    stuck = `orders/${systemId}/wal/00000001/00000000/00000001000000000000000C`;
    const second = await run();
    assert.equal(second?.failures.length, 1);
    assert.deepEqual(second?.systems[0]?.removed.backups, ['20260102T000000Z-full-abcdef']);
    assert.equal((await lab.keys(`orders/${systemId}/wal/`)).length, 7);
    stuck = '';
    assert.deepEqual((await run())?.failures, []);
    assert.equal((await lab.keys(`orders/${systemId}/wal/`)).length, 6);
  });

  it('finishes a backup whose record was removed and whose data was not', async () => {
    const lab = await threeDays();
    const id = '20260103T000000Z-full-abcdef';
    await writeNote(lab.repository, system, { subject: id, kind: 'expiring', body: {} }, signal);
    const record = commitRecordKey(system, id);
    await lab.store.delete([record, claimKey(system, id)], { signal });
    const { repositories } = await cleanup(lab.options({ flags: { keepLast: 5 } }));
    assert.deepEqual(repositories[0]?.systems[0]?.removed.backups, [id]);
    assert.deepEqual(await lab.keys(backupPrefix(system, id)), []);
    assert.deepEqual(await lab.keys(record), [], 'nor is its signature left');
  });

  it('yields to a backup that claims a parent while it works', async () => {
    const lab = await threeDays();
    let isClaimed = false;
    const store: Store = new Proxy(lab.store, {
      get(target, name) {
        if (name === 'list' && !isClaimed) {
          return async function* (options: Parameters<Store['list']>[0]) {
            if (options.delimiter === '/' && options.prefix.endsWith('/backups/') && !isClaimed) {
              isClaimed = true;
              const claim = encodeJson({ format: 1, parent: '20260102T000000Z-full-abcdef' });
              const key = claimKey(system, '20260105T000000Z-incr-abcdef');
              await writeSignedObject(lab.repository, key, claim, { isOwnKey: false, signal });
            }
            yield* target.list(options);
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const { repositories } = await cleanup(lab.options({ repositories: [{ ...lab.repository, store }] }));
    const removed = repositories[0]?.systems[0]?.removed;
    assert.deepEqual(removed?.yielded, ['20260102T000000Z-full-abcdef']);
    assert.deepEqual(removed?.backups, ['20260103T000000Z-full-abcdef']);
    assert.equal((await lab.keys(`orders/${systemId}/wal/`)).length, 35);
  });

  it('keeps what a restore reads, also one that claims it while cleanup works', async () => {
    const lab = await threeDays();
    const second = '20260103T000000Z-full-abcdef';
    const claim = (stage: RestoreStage) =>
      writeNote(
        lab.repository,
        system,
        restoredNote(
          {
            backupId: second,
            restoreId: 'r1',
            firstSegment: geometry.nameOf(1, 20n),
            target: 'the end of the archive',
            host: 'db2',
            user: 'postgres',
            directory: '/srv/restored',
            startTime: day(3),
          },
          { stage, doneBytes: 0, totalBytes: 1000, until: day(stage === 'ended' ? 3 : 4) },
        ),
        signal,
      );
    /** Claims when cleanup announces the first removal of this kind. */
    const claimingAt = (announcement: string): Repository => {
      let isClaimed = false;
      const store = withMethods(lab.store, {
        async put(key, ...rest) {
          await lab.store.put(key, ...rest);
          if (isClaimed || !key.endsWith(announcement)) return;
          isClaimed = true;
          await claim('unpacking');
        },
      });
      return { ...lab.repository, store };
    };
    const removedBy = async (repository: Repository) => {
      const [done] = (await cleanup(lab.options({ repositories: [repository] }))).repositories;
      assert.deepEqual(done?.failures, []);
      return done.systems[0]?.removed;
    };
    const wal = () => lab.keys(`orders/${systemId}/wal/`);
    const during = await removedBy(claimingAt('-expiring.json'));
    assert.deepEqual([during?.backups, during?.yielded], [['20260102T000000Z-full-abcdef'], [second]]);
    assert.equal((await wal()).length, 35);
    await removedBy(lab.repository);
    assert.equal((await wal()).length, 35 - 19);
    await claim('ended');
    const late = await removedBy(claimingAt('-wal-removed.json'));
    assert.deepEqual([late?.backups, late?.yielded], [[second], []], 'the claim came when it was gone');
    assert.equal((await wal()).length, 35 - 19);
    await claim('ended');
    await removedBy(lab.repository);
    assert.equal((await wal()).length, 35 - 29);
    lab.now = 30;
    await removedBy(lab.repository);
    assert.deepEqual(
      (await lab.keys()).filter(key => key.includes('-restored')),
      [],
    );
  });

  it('lists the notes once for its plan, once before it removes backups and once before it removes WAL', async () => {
    const lab = await threeDays();
    let listings = 0;
    const store = withMethods(lab.store, {
      list(options) {
        if (options.prefix === notesPrefix(system)) listings++;
        return lab.store.list(options);
      },
    });
    await cleanup(lab.options({ repositories: [{ ...lab.repository, store }] }));
    assert.equal((await lab.keys(`orders/${systemId}/wal/`)).length, 6);
    assert.equal(listings, 3);
  });

  it('passes over what is no backup, names it, and removes what it would without it', async () => {
    const lab = await threeDays();
    const foreign = ['@eaDir/x', '.Trash/files/y', '20260101T000000Z-full/z'];
    for (const key of foreign) await lab.put(`${backupPrefix(system, key)}part`);
    const said: Words[] = [];
    const { repositories } = await cleanup(lab.options({ log: wordsInto(said) }));
    assert.equal(repositories[0]?.systems[0]?.removed.backups.length, 2);
    assert.deepEqual(repositories[0]?.failures, []);
    for (const directory of ['@eaDir', '.Trash', '20260101T000000Z-full'])
      assert.equal(
        said.filter(({ message }) => message.includes(`/backups/${directory}/ holds no`)).length,
        1,
      );
    assert.equal((await lab.keys()).filter(key => key.endsWith('part')).length, 3);
  });

  it('respects pins until they are taken back', async () => {
    const lab = await threeDays();
    const id = '20260102T000000Z-full-abcdef';
    await writeNote(lab.repository, system, { subject: id, kind: 'pin', body: {} }, signal);
    await cleanup(lab.options());
    assert.equal((await lab.keys(backupPrefix(system, id))).length, 3);
    await new Promise(resolve => setTimeout(resolve, 2));
    await writeNote(lab.repository, system, { subject: id, kind: 'unpin', body: {} }, signal);
    await cleanup(lab.options());
    assert.equal((await lab.keys(backupPrefix(system, id))).length, 0);
  });

  it('a repository that fails does not stop the other', async () => {
    const [broken, whole] = [new Lab('broken'), await threeDays('whole')];
    const { repositories } = await cleanup(
      whole.options({ repositories: [broken.repository, whole.repository] }),
    );
    assert.match(repositories[0]?.failures[0]?.message ?? '', /not a walvault repository/);
    assert.equal(repositories[1]?.systems[0]?.removed.backups.length, 2);
  });

  it('refuses to delete by a clock that is far ahead of the store', async () => {
    const lab = await threeDays();
    const before = (await lab.keys()).filter(key => !key.includes('/notes/'));
    const { repositories } = await cleanup(
      lab.options({ now: day(400), flags: { recoveryWindowMs: dayMs } }),
    );
    assert.match(repositories[0]?.failures[0]?.message ?? '', /clock/);
    assert.deepEqual(
      (await lab.keys()).filter(key => !key.includes('/notes/')),
      before,
    );
  });

  it('without a policy deletes nothing and says what to give', async () => {
    const lab = await threeDays();
    await assert.rejects(cleanup(lab.options({ flags: {} })), { code: 'usage', hint: /--keep-last/ });
    await assert.rejects(cleanup(lab.options({ flags: { keepLast: 0 } })), { code: 'usage' });
  });

  it('treats each system of the cluster on its own, and removes a retired one only when named', async () => {
    const lab = await threeDays();
    const upgraded = { cluster: 'orders', systemId: systemId + 1n };
    await lab.begin(upgraded);
    lab.now = 6;
    await lab.segments(55, 70, upgraded);
    await lab.backUp(6, upgraded);
    const first = await cleanup(lab.options());
    assert.deepEqual(
      first.repositories[0]?.systems.map(({ removed }) => removed.backups.length),
      [2, 0],
    );
    const wrong = await cleanup(lab.options({ systemId: upgraded.systemId, isRetired: true }));
    assert.match(wrong.repositories[0]?.failures[0]?.message ?? '', /may still be in use/);
    const { repositories } = await cleanup(lab.options({ systemId, isRetired: true }));
    assert.deepEqual(repositories[0]?.failures, []);
    assert.deepEqual(await lab.keys(`orders/${systemId}/wal/`), []);
    assert.deepEqual(await lab.keys(`orders/${systemId}/backups/`), []);
    assert.equal((await lab.keys(`orders/${upgraded.systemId}/backups/`)).length, 3);
  });
});
