/**
 * `walvault push --missing`: archives the finished files of `pg_wal` that the archive lacks. After a failover this
 * fills the hole that the old primary left when it died with unarchived segments.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { ArchiveStatus } from '../../postgres/cluster/archive-status.ts';
import { readControlFile, type ControlFile } from '../../postgres/cluster/control-file.ts';
import { requireDataDirectory } from '../../postgres/cluster/find-data-directory.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import { walKey } from '../../repository/format/layout.ts';
import { deliverLosses } from './give-up.ts';
import { finishedFiles, type LocalWalFile } from './plan.ts';
import type { PushOptions } from './options.ts';
import { push } from './push.ts';
import { warnOfUndecidedRaces } from './warn-of-races.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

export interface PushMissingResult {
  readonly sent: readonly string[];
  readonly alreadyArchived: number;
  readonly failed: readonly string[];
}

/** Goes on after a failed file, which the result names. @throws WalvaultError `invalid-file`, `local-io`, StoreError */
export async function pushMissing(
  options: Omit<PushOptions, 'path' | 'isMissingRun' | 'asConflict'>,
): Promise<PushMissingResult> {
  const dataDirectory = requireDataDirectory({
    workingDirectory: process.cwd(),
    walPath: 'pg_wal/.',
    configured: options.dataDirectory,
  });
  const control = await readControlFile(dataDirectory, options.signal);
  const walDirectory = join(dataDirectory, 'pg_wal');
  warnOfUndecidedRaces(options.repositories, options.log);
  const sent: string[] = [];
  const failed: string[] = [];
  let alreadyArchived = 0;
  for (const file of finishedFiles(await readWalDirectory(walDirectory), control)) {
    options.signal.throwIfAborted();
    if (await isArchivedEverywhere(options, file, control)) {
      alreadyArchived++;
      continue;
    }
    try {
      const result = await push({ ...options, path: join(walDirectory, file.name), isMissingRun: true });
      if (result.outcomes.size === 0) continue;
      sent.push(result.file.name);
      options.log.emit({ kind: 'missing-file-sent', file: result.file.name });
    } catch (error) {
      if (!(error instanceof WalvaultError)) throw error;
      failed.push(file.name);
      options.log.emit({ kind: 'missing-file-not-sent', file: file.name, failure: toPlainError(error) });
    }
  }
  await deliverLosses(options, dataDirectory);
  return { sent, alreadyArchived, failed };
}

/** A cheap test to save work: push compares the content. It skips partials, whose keys hold a digest. */
async function isArchivedEverywhere(
  options: Pick<PushOptions, 'cluster' | 'repositories' | 'signal'>,
  file: WalFileName,
  control: ControlFile,
): Promise<boolean> {
  if (file.kind === 'partial') return false;
  const key = walKey({ cluster: options.cluster, systemId: control.systemId }, file);
  try {
    for (const { store } of options.repositories) {
      const stat = await store.head(key, { signal: options.signal });
      if (stat === undefined || stat.sizeBytes === 0) return false;
    }
    return true;
  } catch (error) {
    // An unreachable repository must not keep the others from the file: push handles each by itself.
    options.signal.throwIfAborted();
    if (error instanceof WalvaultError) return false;
    throw error;
  }
}

async function readWalDirectory(walDirectory: string): Promise<LocalWalFile[]> {
  try {
    const { ready, done } = await new ArchiveStatus(walDirectory).read();
    const marked = new Set([...ready, ...done]);
    const names = await readdir(walDirectory);
    return names.map(name => ({ name, isMarked: marked.has(name) }));
  } catch (error) {
    throw localIoError('read', walDirectory, error);
  }
}
