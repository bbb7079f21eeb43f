/** The WAL summaries of a server, from its data directory. */
import { join } from 'node:path';
import { fileBounds } from '../../../base/bounds.ts';
import { localIoError, systemCode, WalvaultError } from '../../../base/errors/errors.ts';
import { readdir } from '../../../base/files/calls.ts';
import { readInChunks } from '../../../base/files/read.ts';
import { ChangedBlocks } from './changed-blocks.ts';
import { readWalSummary } from './read-summary.ts';
import type { SelectedSummary } from './select-summaries.ts';
import { parseWalSummaryName, summariesDirectory, walSummaryName, type WalSummary } from './summary-name.ts';

/** All summaries that are there, by their names; none where the server has never made one. @throws WalvaultError `local-io` */
export async function listWalSummaries(walDirectory: string): Promise<WalSummary[]> {
  const directory = join(walDirectory, summariesDirectory);
  try {
    return (await readdir(directory)).flatMap(name => parseWalSummaryName(name) ?? []);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw localIoError('read', directory, error);
  }
}

/**
 * Merges the summaries in their order.
 * @throws WalvaultError `damaged`; `local-io`, also for one that the server has removed meanwhile; `refused` when they name
 *   more changes than memory should hold
 */
export async function readWalSummaries(
  walDirectory: string,
  selected: readonly SelectedSummary[],
  signal: AbortSignal,
): Promise<ChangedBlocks> {
  const changed = new ChangedBlocks();
  for (const { summary, hasForeignWal } of selected) {
    const path = join(walDirectory, summariesDirectory, walSummaryName(summary));
    try {
      const chunks = readInChunks(path, fileBounds.walSummary.limitBytes, signal);
      await readWalSummary(chunks, path, changed.sink({ hasForeignWal }));
    } catch (error) {
      if (error instanceof WalvaultError || signal.aborted) throw error;
      throw localIoError('read', path, error);
    }
  }
  return changed;
}
