/** The check for WAL that was lost to `archive.queue-limit`: gaps in the archive, and losses not yet recorded there. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatCount } from '../../base/units.ts';
import { findDataDirectory } from '../../postgres/cluster/find-data-directory.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { describe } from '../../postgres/wal/segment-range.ts';
import { deliverLossRecords } from '../../repository/wal/deliver-loss-records.ts';
import { boundsOf, describeLoss } from '../../repository/wal/lost-wal.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import type { CheckOptions } from './options.ts';
import { skipped, warning, type Checklist, type Finding } from './checklist.ts';
import { proveSystems } from './prove-systems.ts';

const archiving = 'archiving';

export interface LostWalCheck {
  readonly options: CheckOptions;
  /** The repositories that are reachable. */
  readonly usable: readonly Repository[];
  /** Undefined: searched from the working directory. */
  readonly dataDirectory: string | undefined;
}

/** Adds no line if no segment was given up. The loss records of this host are sent to the repositories first. */
export async function checkLostWal(
  list: Checklist,
  { options, usable, dataDirectory: configured }: LostWalCheck,
): Promise<void> {
  const { config, signal } = options;
  const clues = { workingDirectory: process.cwd(), walPath: 'pg_wal/.', configured: undefined };
  const dataDirectory = configured ?? findDataDirectory(clues);
  await list.prove(archiving, 'records of WAL that was given up', {
    signal,
    work: () => undeliveredFindings(options, dataDirectory),
  });
  const { cluster } = config;
  for (const repository of usable)
    await proveSystems(list, repository, { cluster, what: 'WAL that was given up', signal }, gapFindings);
}

async function undeliveredFindings(
  { config, repositories, log, signal }: CheckOptions,
  dataDirectory: string | undefined,
): Promise<Finding[]> {
  if (dataDirectory === undefined) return [];
  const { cluster } = config;
  try {
    const left = await deliverLossRecords({ dataDirectory, cluster, repositories, log, signal });
    if (left === 0) return [];
    return [
      warning(
        `${formatCount(left, 'segment')} given up by this server ${left === 1 ? 'is' : 'are'} not known to every required repository yet`,
        'They are told by the next push, backup or check that reaches them. Until then no recovery elsewhere knows of the gap.',
      ),
    ];
  } catch (error) {
    if (!(error instanceof WalvaultError) || error.code !== 'local-io') throw error;
    return [skipped(`whether WAL was given up is not known: ${error.message}`, error.hint)];
  }
}

async function gapFindings(survey: SystemSurvey, geometry: WalGeometry): Promise<Finding[]> {
  const missing = await survey.openLosses(geometry);
  if (missing.length === 0) return [];
  const backups = (await survey.catalog()).backups.map(({ record }) => record);
  return missing.flatMap(lost => {
    const { before, beyond } = boundsOf(lost, backups, geometry);
    // If cleanup has removed all WAL before the gap, no recovery leads to the gap any more.
    if (before === undefined && beyond !== undefined) return [];
    const message = `${describe(lost, geometry)} was ${describeLoss(lost)}`;
    const hint =
      beyond === undefined
        ? 'Nothing after it can be recovered. If it is still in pg_wal, `walvault push --missing` closes the gap; else take a backup now.'
        : `Recovery reaches up to it, and again from backup ${beyond.id} on.`;
    return [warning(message, hint)];
  });
}
