/** A small repository with every kind of object for tests of copy, and the comparison of its copies. */
import { createHash } from 'node:crypto';
import { collect } from '../../src/base/bytes/streams.ts';
import { silentLog } from './logs.ts';
import { copy, type CopyOptions } from '../../src/operations/copy/copy.ts';
import type { BackupRecord } from '../../src/repository/format/backup-record.ts';
import { writeBackupRecord } from '../../src/repository/format/catalog.ts';
import { encodeJson, writeSignedObject } from '../../src/repository/format/json-object.ts';
import { backupPrefix, claimKey } from '../../src/repository/format/layout.ts';
import { writeNote } from '../../src/repository/format/notes/note.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { createMemoryStore } from '../../src/stores/memory/store.ts';
import type { Store } from '../../src/stores/store.ts';
import { archiveFile, archiveSegment, makeRepository, geometry, signal, system } from './site/archive.ts';

export const backupId = '20261122T020000Z-full-3f2a91';
export const prefix = 'orders/7300000000000000001/';
export const segmentKey = (number: number) =>
  `${prefix}wal/00000001/00000000/00000001000000000000000${number.toString(16).toUpperCase()}`;
export const partKey = (part: number) => `${backupPrefix(system, backupId)}parts/00000${part}.tar`;

async function putObject(store: Store, key: string, text: string): Promise<void> {
  await store.put(key, [Buffer.from(text)], {
    ifAbsent: true,
    objectClass: 'backup',
    metadata: { writeid: `w${key.length}` },
    signal,
  });
}

function piece(name: string, text: string) {
  return {
    name,
    storedSizeBytes: text.length,
    storedSha256: createHash('sha256').update(text).digest('hex'),
  };
}

interface CommittedBackup {
  readonly id?: string;
  readonly timeline?: number;
  /** The segments that it begins and ends in. */
  readonly from?: bigint;
  readonly to?: bigint;
  readonly at?: Date;
  /** It builds on this one. */
  readonly parent?: string | undefined;
  readonly damage?: Pick<BackupRecord, 'damagedPages' | 'namedDamagedPages'>;
}

/** Writes a whole backup with two parts. */
export async function commitBackup(
  repository: Repository,
  {
    id = backupId,
    timeline = 1,
    from = 3n,
    to = 4n,
    at = new Date('2026-11-22T02:00:00Z'),
    parent,
    damage,
  }: CommittedBackup = {},
): Promise<void> {
  const record: BackupRecord = {
    id,
    type: parent === undefined ? 'full' : 'incremental',
    parent,
    systemId: system.systemId,
    serverVersion: 150006,
    walvaultVersion: '0.1.0',
    label: '',
    backupFrom: 'primary',
    startTime: at,
    stopTime: at,
    timeline,
    startLsn: geometry.startLsn(from) + 40n,
    stopLsn: geometry.startLsn(to) + 40n,
    walRanges: [
      {
        timeline,
        startLsn: geometry.startLsn(from) + 40n,
        endLsn: geometry.startLsn(to) + 40n,
      },
    ],
    geometry,
    dataChecksums: true,
    damagedPages: 0,
    ...damage,
    fileCount: 2,
    sizeBytes: 6,
    tablespaces: [],
    externalFiles: [],
    manifest: piece('manifest.ndjson', 'manifest'),
    names: piece('names.ndjson', 'names'),
    parts: [
      { number: 1, ...piece('parts/000001.tar', 'one') },
      { number: 2, ...piece('parts/000002.tar', 'two') },
    ],
  };
  const { store } = repository;
  await writeSignedObject(repository, claimKey(system, id), encodeJson({ parent }), {
    isOwnKey: false,
    signal,
  });
  await putObject(store, `${backupPrefix(system, id)}parts/000001.tar`, 'one');
  await putObject(store, `${backupPrefix(system, id)}parts/000002.tar`, 'two');
  await putObject(store, `${backupPrefix(system, id)}manifest.ndjson`, 'manifest');
  await putObject(store, `${backupPrefix(system, id)}names.ndjson`, 'names');
  await writeBackupRecord(repository, system, record, signal);
}

/** Segments 1 to 6, a history, a backup over 3 and 4, a pin and the note of a removal. */
export async function makeSource(store: Store = createMemoryStore({ name: 'main' })): Promise<Repository> {
  const source = await makeRepository({ name: 'main', store });
  for (let number = 1n; number <= 6n; number++) await archiveSegment(source, 1, number);
  await archiveFile(source, '00000002.history', '1\t0/600000\tpromoted\n');
  await commitBackup(source);
  await writeNote(source, system, { subject: backupId, kind: 'pin', body: {} }, signal);
  await writeNote(source, system, { subject: 'wal-00000001', kind: 'wal-removed', body: {} }, signal);
  return source;
}

export function run(from: Repository, to: Repository, options: Partial<CopyOptions> = {}) {
  return copy({
    from,
    to,
    cluster: 'orders',
    what: { kind: 'everything' },
    isDryRun: false,
    log: silentLog,
    signal,
    ...options,
  });
}

export async function contentOf({ store }: Repository): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for await (const entry of store.list({ prefix: 'orders/', signal })) {
    if ('prefix' in entry) continue;
    const { stat, body } = await store.get(entry.key, { signal });
    const bytes = await collect(body, 8 * 1024 ** 2);
    const digest = createHash('sha256').update(bytes).digest('hex');
    content.set(entry.key, JSON.stringify([digest, stat.metadata]));
  }
  return content;
}

export const copyable = (content: Map<string, string>) =>
  new Map([...content].filter(([key]) => !key.includes('wal-removed')));
