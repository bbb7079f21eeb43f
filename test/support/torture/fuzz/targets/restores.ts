/** A backup on its way to a data directory: a part under any manifest, a manifest as restore keeps it. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { collect } from '../../../../../src/base/bytes/streams.ts';
import { verifyManifest } from '../../../../../src/repository/backup/manifest-spool.ts';
import { unpackPart } from '../../../../../src/operations/restore/unpack-part.ts';
import { unpack } from '../../../../../src/operations/restore/unpack.ts';
import { tarHeader, tarPadding, tarTrailer } from '../../../../../src/pipeline/tar/index.ts';
import type { BackupRecord } from '../../../../../src/repository/format/backup-record.ts';
import { sha256Hex } from '../../../../../src/repository/format/json-object.ts';
import { backupPrefix } from '../../../../../src/repository/format/layout.ts';
import { encodeManifest, type ManifestEntry } from '../../../../../src/repository/format/manifest.ts';
import { silentLog } from '../../../logs.ts';
import { makeRepository, signal, system } from '../../../site/archive.ts';
import { mebibyte } from '../limits.ts';
import type { FuzzContext, FuzzTarget } from '../target.ts';

const id = '20261122T020000Z-full-3f2a91';
const files = ['PG_VERSION', 'backup_label', 'base/1/100', 'global/pg_control'];
const part = Buffer.concat([
  ...files.flatMap(path => [
    tarHeader({ path, type: 'file', sizeBytes: path.length, mode: 0o600, mtimeMs: 0 }),
    Buffer.from(path),
    tarPadding(path.length),
  ]),
  tarTrailer,
]);

const manifestOf = async () => {
  const entries: ManifestEntry[] = files.map(path => ({
    path,
    type: 'file',
    sizeBytes: path.length,
    mode: 0o600,
    mtimeMs: 0,
    sha256: sha256Hex(Buffer.from(path)),
    part: 1,
  }));
  const directories = ['base', 'base/1', 'global'].map(path => ({
    path,
    type: 'directory' as const,
    sizeBytes: 0,
    mode: 0o700,
    mtimeMs: 0,
  }));
  const sorted = [...entries, ...directories].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return await collect(encodeManifest(id, sorted), mebibyte);
};

/** Stands between the part and the manifest in an input. */
const border = Buffer.from('\n--- manifest\n');

/** Restores what a record with the right digests names, into `data` below the directory. */
async function restoreInto({ directory }: FuzzContext, tar: Buffer, manifest: Buffer): Promise<void> {
  const repository = await makeRepository();
  const pieces = [];
  for (const [name, data] of [
    ['parts/000001.tar', tar],
    ['manifest.ndjson', manifest],
  ] as const) {
    await repository.store.put(`${backupPrefix(system, id)}${name}`, [data], {
      ifAbsent: true,
      objectClass: 'backup',
      sizeBytes: data.length,
      signal,
    });
    pieces.push({ name, storedSizeBytes: data.length, storedSha256: sha256Hex(data) });
  }
  const record = { id, parts: [{ number: 1, ...pieces[0] }], manifest: pieces[1] } as unknown as BackupRecord;
  const data = join(directory, 'data');
  mkdirSync(data);
  const restoring = async () => {
    await using verified = await verifyManifest({ repository, system, record, spoolDirectory: data, signal });
    await unpack({
      repository,
      system,
      record,
      manifest: verified,
      places: { dataDirectory: data, tablespaces: [] },
      accessMode: undefined,
      unpacker: { jobs: 1, unpack: unpackPart },
      log: silentLog,
      signal,
    });
  };
  const [outcome] = await Promise.allSettled([restoring()]);
  const outside = readdirSync(directory).filter(name => name !== 'data');
  // What lies inside is removed by those who made the directory.
  rmSync(data, { recursive: true, force: true });
  if (outside.length > 0) throw new Error(`outside of the data directory: ${outside.join(' ')}`);
  if (outcome.status === 'rejected') throw outcome.reason;
}

export const restoredBackup: FuzzTarget = {
  name: 'restored-backup',
  reads: 'a part and a manifest, as restore unpacks them',
  parsers: [
    'repository/backup/manifest-spool.ts#verifyManifest',
    'operations/restore/unpack.ts#unpack',
    'repository/backup/stored-piece.ts#readPiece',
    'repository/backup/read-part.ts#readPart',
  ],
  open: async () => ({
    form: 'bytes',
    corpus: [Buffer.concat([part, border, await manifestOf()])],
    async parse(input, context) {
      const at = input.lastIndexOf(border);
      if (at === -1) return await restoreInto(context, input, await manifestOf());
      await restoreInto(context, input.subarray(0, at), input.subarray(at + border.length));
    },
  }),
};
