/** The writing of a backup's directories and files, with its parts side by side. */
import { chmod, mkdir } from 'node:fs/promises';
import { localIoError } from '../../base/errors/errors.ts';
import { each } from '../../base/threads/each.ts';
import type { Log } from '../../observe/events/events.ts';
import { type BackupPart, type BackupRecord } from '../../repository/format/backup-record.ts';
import type { RelationLayout } from '../../postgres/cluster/incremental/header.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { permissionsOf, type AccessMode } from './access-mode.ts';
import type { VerifiedManifest } from '../../repository/backup/manifest-spool.ts';
import { placeOf, type Places } from './places.ts';
import type { MadeRelation, PartJob, PartRun, UnpackedPart, Written } from './unpack-part.ts';

/** Does jobs side by side, as `unpackPart` says, in threads or here. */
export interface PartUnpacker {
  readonly jobs: number;
  /** Jobs follow soon: gets ready, and does not wait for it. */
  prepare?(): void;
  unpack(repository: Repository, job: PartJob, run: PartRun): Promise<UnpackedPart>;
}

export interface UnpackOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly record: BackupRecord;
  readonly manifest: VerifiedManifest;
  readonly places: Places;
  /** Undefined: files and directories get the permissions that they had. */
  readonly accessMode: AccessMode | undefined;
  readonly unpacker: PartUnpacker;
  /** True for all backups of a lineage but the newest: only files that the newer ones want are in the manifest. */
  readonly isBuiltOn?: boolean;
  /** Of the relations, where there are several backups. */
  readonly layout?: RelationLayout | undefined;
  /** True: only the files of the manifest are written, over those that are there; parts without such files are not read. */
  readonly overExisting?: boolean;
  /** Takes the relation files that were made of several backups, part by part. */
  readonly onMade?: (made: readonly MadeRelation[]) => Promise<void>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Writes all files. On return every file is durable; fsync on the directories is left to the caller. No job goes on when
 * it throws.
 * @throws WalvaultError `damaged`, `local-io`; the error of the part that failed first
 */
export async function unpack(options: UnpackOptions): Promise<void> {
  const {
    repository,
    system,
    record,
    manifest,
    places,
    accessMode,
    unpacker,
    isBuiltOn = false,
    layout,
    overExisting = false,
    signal,
  } = options;
  for await (const entry of manifest.directories()) {
    const target = placeOf(entry.path, places);
    if (target !== undefined) await makeDirectory(target, permissionsOf(entry, accessMode));
  }
  const { id, sizeBytes, fileCount } = record;
  const incremental = layout && { layout, isNewest: !isBuiltOn };
  const progress = progressOf(options);
  const failed = new AbortController();
  const run = { signal: AbortSignal.any([signal, failed.signal]) };
  const hasOthers = (part: BackupPart) => isBuiltOn || overExisting || manifest.leavesOutOf(part.number);
  await each(partsToRead(record.parts, manifest, hasOthers), unpacker.jobs, async part => {
    const job = {
      system,
      backup: { id, sizeBytes, fileCount },
      part,
      expected: manifest.filesOfPart(part.number),
      hasOthers: hasOthers(part),
      incremental,
      overExisting,
      places,
      accessMode,
    };
    try {
      run.signal.throwIfAborted();
      const written = await unpacker.unpack(repository, job, {
        ...run,
        onWritten: progress.of(part.number),
      });
      progress.end(part.number, written);
      await options.onMade?.(written.made);
    } catch (error) {
      // What the others say when they are told to stop is not the reason.
      failed.signal.throwIfAborted();
      failed.abort(error);
      throw error;
    }
  });
}

/** All parts but those of whose files none is wanted. */
function* partsToRead(
  parts: Iterable<BackupPart>,
  manifest: VerifiedManifest,
  hasOthers: (part: BackupPart) => boolean,
): Generator<BackupPart> {
  for (const part of parts)
    if (!hasOthers(part) || manifest.filesOfPart(part.number).ranges.length > 0) yield part;
}

/** Adds up what the parts under way have written, and those that are done. */
function progressOf({ manifest, log }: Pick<UnpackOptions, 'manifest' | 'log'>) {
  const underWay = new Map<number, Written>();
  let done: Written = { bytes: 0, files: 0 };
  const show = () => {
    const all = [done, ...underWay.values()].reduce(sum);
    log.emit({
      kind: 'progress',
      stage: 'restore',
      doneBytes: all.bytes,
      totalBytes: manifest.totalBytes,
      doneFiles: all.files,
    });
  };
  return {
    of: (part: number) => (written: Written) => {
      underWay.set(part, written);
      show();
    },
    end(part: number, written: Written) {
      done = sum(done, written);
      underWay.delete(part);
      show();
    },
  };
}

function sum(a: Written, b: Written): Written {
  return { bytes: a.bytes + b.bytes, files: a.files + b.files };
}

async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, mode);
  } catch (error) {
    throw localIoError('create directory', path, error);
  }
}
