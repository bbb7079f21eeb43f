/**
 * A sound archive in a directory, made by the repository's own code, for tests of what `verify` finds: two timelines, a
 * partial, a history, and a backup on each timeline with real parts, manifests and name maps. The host signs, and does not
 * encrypt unless the keys say so.
 */
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { collect, streamOf } from '../../src/base/bytes/streams.ts';
import { Secret } from '../../src/base/secret.ts';
import { pageChecksum } from '../../src/postgres/cluster/page-checksum.ts';
import { tarHeader, tarPadding, tarTrailer } from '../../src/pipeline/tar/index.ts';
import { Codec } from '../../src/repository/encoding/codec.ts';
import { Keyring, type KeySettings } from '../../src/repository/encoding/keyring.ts';
import type { SignaturePolicy } from '../../src/repository/encoding/signature-policy.ts';
import type { BackupRecord, DamagedPage } from '../../src/repository/format/backup-record.ts';
import { writeBackupRecord } from '../../src/repository/format/catalog.ts';
import { writeClaim } from '../../src/repository/format/claim.ts';
import { ensureClusterRecord } from '../../src/repository/format/cluster-record.ts';
import { createSmallObject, sha256Hex } from '../../src/repository/format/json-object.ts';
import { backupPrefix, partIndexKey } from '../../src/repository/format/layout.ts';
import { encodeManifest, type ManifestEntry } from '../../src/repository/format/manifest.ts';
import { createMarker } from '../../src/repository/format/marker.ts';
import { nameMapHeader, nameMapTrailer, relationLine } from '../../src/repository/format/name-map.ts';
import { highWaterNote } from '../../src/repository/format/notes/high-water.ts';
import { writeNote } from '../../src/repository/format/notes/note.ts';
import { sealPartIndex } from '../../src/repository/format/part-index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { createFsStore } from '../../src/stores/fs/store.ts';
import { silentLog } from './logs.ts';
import { makePair } from './openpgp/fixtures.ts';
import { archiveFile, archiveSegment, geometry, segmentSizeBytes, signal, system } from './site/archive.ts';
import { temporaryDirectory } from './site/temp.ts';
import { makeControlFile } from './wal/made-control-file.ts';
import { makeSegment } from './wal/wal.ts';
import type { Log } from '../../src/observe/events/events.ts';

export const older = '20261122T020000Z-full-3f2a91';
export const newer = '20261123T020000Z-full-3f2a92';
const blockSizeBytes = 8192;

export interface ArchiveKeys {
  /** What only a reader has. */
  readonly reader: Partial<KeySettings>;
  readonly settings: KeySettings;
}

export async function makeArchiveKeys({ isEncrypted = false } = {}): Promise<ArchiveKeys> {
  const directory = temporaryDirectory('verify-keys');
  const keep = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const host = await makePair('sign', 'host db1');
  const recovery = await makePair('encrypt', 'recovery');
  const recipient = keep('recovery-public.asc', recovery.publicArmored);
  const privateKeys = [keep('recovery-private.asc', recovery.privateArmored)];
  return {
    reader: isEncrypted ? { privateKeys } : {},
    settings: {
      mode: isEncrypted ? 'openpgp' : 'none',
      walRecipients: [recipient],
      backupRecipients: [recipient],
      passphrases: [],
      privateKeys: [],
      privateKeyPassphrases: [],
      hostSecret: new Secret('5e'.repeat(32)),
      signingKey: keep('signing-private.asc', host.privateArmored),
      signingPassphrase: undefined,
      trustedSigners: [keep('signing-public.asc', host.publicArmored)],
    },
  };
}

export interface OpenOptions {
  readonly name?: string;
  readonly keys?: Partial<KeySettings>;
  readonly policy?: SignaturePolicy | undefined;
  readonly log?: Log;
}

export async function openArchive(
  directory: string,
  { settings }: ArchiveKeys,
  { name = 'main', keys = {}, policy = 'require', log = silentLog }: OpenOptions = {},
): Promise<Repository> {
  const store = createFsStore({ root: directory });
  const keyring = new Keyring({ ...settings, ...keys });
  const codec = new Codec(keyring, { compressionLevel: 1, verifySignatures: policy }, log);
  return { name, required: true, expectedId: undefined, store, codec };
}

/** Timeline 1 has segments 1 to 8 and a partial of 9; timeline 2 left it in 9, and has 9 to 14. */
export async function fillArchive(repository: Repository): Promise<void> {
  await createMarker(repository.store, signal);
  await ensureClusterRecord(repository, system, { postgresMajor: 15, geometry, blockSizeBytes }, signal);
  for (let segment = 1n; segment <= 8n; segment++) await archiveSegment(repository, 1, segment);
  const ninth = { timeline: 1, number: 9n, systemId: system.systemId, segmentSizeBytes };
  await archiveFile(repository, '000000010000000000000009.partial', makeSegment(ninth));
  await archiveFile(repository, '00000002.history', '1\t0/980000\tpromoted\n');
  for (let segment = 9n; segment <= 14n; segment++) await archiveSegment(repository, 2, segment);
  await archiveFile(repository, '000000010000000000000003.00000028.backup', 'START WAL LOCATION: 0/300028\n');
  await commitMadeBackup(repository, { id: older, timeline: 1, from: 3n });
  await commitMadeBackup(repository, { id: newer, timeline: 2, from: 11n });
  await writeNote(repository, system, highWaterNote({ timeline: 2, segment: 14n }, geometry), signal);
}

export interface MadeBackup {
  readonly id: string;
  readonly timeline: number;
  /** It ends in the next segment. */
  readonly from: bigint;
  /** Bytes of base/5/16384. */
  readonly pages?: Buffer;
  readonly damaged?: readonly DamagedPage[];
  /** Changes what the manifest says. */
  readonly entries?: (entries: readonly ManifestEntry[]) => readonly ManifestEntry[];
  readonly record?: (record: BackupRecord) => BackupRecord;
}

/** The indexes of the backup's two parts, as its host seals them. */
export async function writeIndexes(repository: Repository, id: string): Promise<void> {
  const secret = await repository.codec.keyring.hostSecret();
  if (secret === undefined) throw new Error('no host secret');
  for (const number of [1, 2]) {
    const name = `parts/00000${number}.tar.zst`;
    const part = { number, name, plainSizeBytes: 1, storedSizeBytes: 1, storedSha256: '00'.repeat(32) };
    const sealed = await sealPartIndex({ system, id, secret }, { part, host: 'db1', keys: 'k', entries: [] });
    const key = partIndexKey(system, id, number);
    if (sealed !== undefined) await createSmallObject(repository.store, key, sealed, signal);
  }
}

/** A page that a server has written before the backups began. */
export function makePages(count: number, wrong: readonly number[] = []): Buffer {
  const pages = Array.from({ length: count }, (_, index) => {
    const page = Buffer.alloc(blockSizeBytes, index + 1);
    page.writeUInt32LE(0, 0);
    page.writeUInt32LE(0x10_0000, 4);
    page.writeUInt16LE(pageChecksum(page, index) ^ (wrong.includes(index) ? 1 : 0), 8);
    return page;
  });
  return Buffer.concat(pages);
}

export async function commitMadeBackup(repository: Repository, made: MadeBackup): Promise<void> {
  const { id, timeline, from, pages = makePages(3), damaged = [] } = made;
  const at = new Date('2026-11-22T02:00:00Z');
  await writeClaim(repository, system, { id, attempt: 1, host: 'db1', pid: 1, startTime: at }, signal);
  const files: readonly (readonly [part: number, path: string, data: Buffer])[] = [
    [2, 'PG_VERSION', Buffer.from('15\n')],
    [2, 'backup_label', Buffer.from('START WAL LOCATION: 0/300028\n')],
    [1, 'base/5/16384', pages],
    [1, 'base/5/PG_VERSION', Buffer.from('15\n')],
    [2, 'global/pg_control', makeControlFile({ blockSizeBytes, isBefore19: true })],
  ];
  const entries = files.map(([part, path, data]) => ({
    path,
    type: 'file' as const,
    sizeBytes: data.length,
    mode: 0o600,
    mtimeMs: 0,
    sha256: sha256Hex(data),
    part,
  }));
  const tarOf = (part: number) =>
    Buffer.concat([
      ...files.flatMap(([of, path, data]) =>
        of === part
          ? [
              tarHeader({ path, type: 'file', sizeBytes: data.length, mode: 0o600, mtimeMs: 0 }),
              data,
              tarPadding(data.length),
            ]
          : [],
      ),
      tarTrailer,
    ]);
  const store = (name: string, plain: Buffer) => storePiece(repository, id, { name, plain });
  const manifest = Buffer.concat(
    await Array.fromAsync(encodeManifest(id, made.entries?.(entries) ?? entries)),
  );
  const relation = {
    oid: 16_384,
    schema: 'public',
    name: 'orders',
    kind: 'table',
    filenode: 16_384,
    path: 'base/5/16384',
    isUnlogged: false,
  } as const;
  const names = `${nameMapHeader(id)}${relationLine(relation)}${nameMapTrailer(1)}`;
  const endLsn = geometry.startLsn(from + 1n) + 256n;
  const startLsn = geometry.startLsn(from) + 40n;
  const record: BackupRecord = {
    id,
    type: 'full',
    parent: undefined,
    systemId: system.systemId,
    serverVersion: 150_006,
    walvaultVersion: '0.1.0',
    label: '',
    backupFrom: 'primary',
    startTime: at,
    stopTime: at,
    timeline,
    startLsn,
    stopLsn: endLsn,
    walRanges: [{ timeline, startLsn, endLsn }],
    geometry,
    dataChecksums: true,
    damagedPages: damaged.length,
    ...(damaged.length > 0 && { namedDamagedPages: damaged }),
    fileCount: files.length,
    sizeBytes: files.reduce((sum, [, , data]) => sum + data.length, 0),
    tablespaces: [],
    externalFiles: [],
    parts: [
      { number: 1, ...(await store('parts/000001.tar', tarOf(1))) },
      { number: 2, ...(await store('parts/000002.tar', tarOf(2))) },
    ],
    names: await store('names.ndjson', Buffer.from(names)),
    manifest: await store('manifest.ndjson', manifest),
  };
  await writeBackupRecord(repository, system, made.record?.(record) ?? record, signal);
}

async function storePiece(
  { store, codec }: Repository,
  id: string,
  { name: plainName, plain }: { readonly name: string; readonly plain: Buffer },
) {
  const name = `${plainName}${codec.suffix}`;
  const key = `${backupPrefix(system, id)}${name}`;
  const data = await collect((await codec.encode(key, 'backup')).apply(streamOf(plain)), 1e8);
  const metadata = { writeid: 'w1' };
  await store.put(key, [data], { ifAbsent: true, objectClass: 'backup', metadata, signal });
  return { name, storedSizeBytes: data.length, storedSha256: sha256Hex(data), plainSizeBytes: plain.length };
}

/** A copy that a test may damage. */
export function copyOf(directory: string): string {
  const copy = join(temporaryDirectory('verify', { keepOwner: true }), 'repository');
  cpSync(directory, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** The files of an archive in a directory, damaged as disks and people do it. */
export class ArchiveFiles {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  path(key: string): string {
    return join(this.directory, key);
  }

  read(key: string): Buffer {
    return readFileSync(this.path(key));
  }

  /** The content changes, the metadata beside it stays. */
  write(key: string, data: Buffer | string): void {
    writeFileSync(this.path(key), data);
  }

  flip(key: string, at?: number): void {
    const data = this.read(key);
    const position = at ?? data.length >> 1;
    data[position] = (data[position] ?? 0) ^ 0x10;
    this.write(key, data);
  }

  cut(key: string): void {
    this.write(key, this.read(key).subarray(0, -10));
  }

  remove(key: string): void {
    rmSync(this.path(key), { recursive: true });
    for (const sidecar of this.sidecars(key)) rmSync(sidecar);
  }

  sidecars(key: string): string[] {
    const directory = dirname(this.path(key));
    const name = key.slice(key.lastIndexOf('/') + 1);
    return readdirSync(directory)
      .filter(one => one.startsWith(`${name}.`) && one.endsWith('.meta'))
      .map(one => join(directory, one));
  }

  size(key: string): number {
    return statSync(this.path(key)).size;
  }
}
