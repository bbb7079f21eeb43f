/**
 * The writing of a backup with those that it builds on: the newest first, whose changed pages are set aside until the full one brings
 * the others.
 *
 * Of each backup only the files are written that no newer one has whole, and parts without such files are not read.
 */
import { join } from 'node:path';
import { fileBounds } from '../../base/bounds.ts';
import { writeFileDurably } from '../../base/files/durable.ts';
import { readWhole } from '../../base/files/read.ts';
import { backupLabelName, withoutIncrementalLines } from '../../postgres/cluster/backup-label.ts';
import {
  backupManifestName,
  encodeBackupManifest,
  type BackupManifestFile,
} from '../../postgres/cluster/backup-manifest.ts';
import { wholePath } from '../../postgres/cluster/incremental/file-name.ts';
import { readSpooled } from '../../repository/backup/entry-spool.ts';
import {
  verifyManifest,
  type ManifestSource,
  type VerifiedManifest,
} from '../../repository/backup/manifest-spool.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import type { ManifestEntry } from '../../repository/format/manifest.ts';
import { sha256Hex } from '../../repository/format/json-object.ts';
import { MadeFiles } from './made-files.ts';
import { unpack, type UnpackOptions } from './unpack.ts';

/** The full backup first. */
export interface Lineage {
  readonly lineage: readonly BackupRecord[];
}

export interface VerifiedLineage extends AsyncDisposable {
  /** In the order of the lineage. */
  readonly manifests: readonly VerifiedManifest[];
  /** Plain bytes of what is written under `pg_tblspc/<oid>/`, or a little less than that. */
  tablespaceBytes(oid: number): number;
  readonly totalBytes: number;
}

/**
 * Reads all manifests to their ends: that of the planned backup first, and of each before it the files that are wanted still.
 * @throws WalvaultError `damaged`
 */
export async function verifyLineage({
  lineage,
  ...source
}: Omit<ManifestSource, 'record' | 'wanted'> & Lineage): Promise<VerifiedLineage> {
  await using stack = new AsyncDisposableStack();
  const manifests: VerifiedManifest[] = [];
  for (const record of lineage.toReversed()) {
    const [later] = manifests;
    manifests.unshift(
      stack.use(await verifyManifest({ ...source, record, ...(later && { wanted: later.incrementals() }) })),
    );
  }
  const sum = (of: (manifest: VerifiedManifest) => number) =>
    manifests.reduce((total, manifest) => total + of(manifest), 0);
  const open = stack.move();
  return {
    manifests,
    tablespaceBytes: oid => sum(manifest => manifest.tablespaceBytes(oid)),
    totalBytes: sum(({ totalBytes }) => totalBytes),
    [Symbol.asyncDispose]: async () => await open.disposeAsync(),
  };
}

export interface UnpackLineageOptions
  extends Omit<UnpackOptions, 'record' | 'manifest' | 'isBuiltOn' | 'onMade'>, Lineage {
  readonly verified: VerifiedLineage;
  /** Of a restore onto an existing directory. Undefined: everything is written. */
  readonly selection?: Selection | undefined;
}

/** What differs in an existing directory. */
export interface Selection {
  /** The files to write, in the order of the lineage. */
  readonly manifests: readonly VerifiedManifest[];
  /** The relation files made of several backups that are there already. */
  made(): AsyncIterable<ManifestEntry>;
}

/**
 * Writes all files, as `unpack` does. A copy of several backups gets a label that PostgreSQL starts from, and a manifest of the files
 * that it has.
 */
export async function unpackLineage({
  lineage,
  verified,
  selection,
  ...options
}: UnpackLineageOptions): Promise<void> {
  const { dataDirectory } = options.places;
  const newest = lineage.at(-1);
  const manifest = verified.manifests.at(-1);
  if (newest === undefined || manifest === undefined) return;
  await using made = await MadeFiles.open(dataDirectory);
  const layout = newest.relationLayout;
  for (const [index, record] of [...lineage.entries()].toReversed())
    await unpack({
      ...options,
      record,
      manifest: (selection ?? verified).manifests[index] ?? manifest,
      overExisting: selection !== undefined,
      isBuiltOn: record !== newest,
      layout,
      onMade: async files => await made.add(files),
    });
  if (newest.type === 'full') return;
  for await (const file of selection?.made() ?? []) await made.add([file]);
  await rewriteLabelAndManifest(dataDirectory, { record: newest, manifest, made });
}

interface MadeCopy {
  readonly record: BackupRecord;
  readonly manifest: VerifiedManifest;
  readonly made: MadeFiles;
}

/** `pg_verifybackup` must pass on the copy, and a server refuses to start from the label of an incremental backup. */
async function rewriteLabelAndManifest(
  dataDirectory: string,
  { record, manifest, made }: MadeCopy,
): Promise<void> {
  const labelPath = join(dataDirectory, backupLabelName);
  const { limitBytes } = fileBounds.postgresConfiguration;
  const label = Buffer.from(
    withoutIncrementalLines((await readWhole(labelPath, limitBytes)).toString('utf8')),
  );
  await writeFileDurably(labelPath, label);
  const server = {
    postgresMajor: Math.floor(record.serverVersion / 10_000),
    systemId: record.systemId,
    walRanges: record.walRanges,
  };
  const files = filesOf({ record, manifest, made }, label);
  await writeFileDurably(join(dataDirectory, backupManifestName), encodeBackupManifest(server, files));
}

async function* filesOf(
  { record, manifest, made }: MadeCopy,
  label: Buffer,
): AsyncGenerator<BackupManifestFile | string> {
  for (const { number } of record.parts)
    for await (const { path, sizeBytes, mtimeMs, sha256 } of readSpooled(manifest.filesOfPart(number))) {
      if (path === backupManifestName || wholePath(path) !== undefined) continue;
      yield path === backupLabelName
        ? { path, mtimeMs, sizeBytes: label.length, sha256: sha256Hex(label) }
        : { path, mtimeMs, sizeBytes, sha256 };
    }
  yield* made.entries();
}
