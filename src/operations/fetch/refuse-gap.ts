/** The refusal to take a gap for the end of the archive (docs/exit-codes.md, "A gap"; P3). */
import { dirname } from 'node:path';
import { readLocalHistories } from '../../postgres/cluster/local-histories.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { AcknowledgedGap } from '../../repository/format/notes/gap-acknowledged.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import { findAcknowledgement, findGap, type Gap } from './absence.ts';
import { unlessBestEffort } from './best-effort.ts';
import { GapError } from './gap-error.ts';
import { isLocalSegmentWhole } from './local-segment.ts';
import type { FetchOptions } from './options.ts';

/** The repositories that do not have the file. */
export interface AbsentIn {
  readonly surveys: readonly SystemSurvey[];
  /** Those where a delete marker is in its place. */
  readonly deletedIn: readonly Repository[];
}

/**
 * @throws GapError for a hole, unless somebody has accepted it, or the whole segment is in `pg_wal`, where PostgreSQL
 *   reads it by itself
 */
export async function refuseGap(
  options: FetchOptions,
  file: WalFileName & { kind: 'segment' },
  found: AbsentIn,
): Promise<void> {
  const whose = { systemId: options.system.systemId, geometry: options.geometry };
  for (const survey of found.surveys) {
    const { repository } = survey;
    const gap = found.deletedIn.includes(repository) ? deleted : await gapIn(survey, options, file);
    if (gap === undefined) continue;
    if (await isLocalSegmentWhole(dirname(options.destination), file.name, whose, options.signal)) return;
    const accepted = await acknowledgementOf(survey, options, file);
    if (accepted === undefined) throw gapError(repository, file, gap);
    const { user, host, reason, acknowledgedAt } = accepted;
    options.log.emit({
      kind: 'acknowledged-gap-passed',
      file: file.name,
      repository: repository.name,
      user,
      host,
      reason,
      acknowledgedAt: acknowledgedAt.toISOString(),
    });
  }
}

export function gapError({ store }: Repository, file: WalFileName, { kind, reason }: Gap): GapError {
  return new GapError(
    'wal-missing',
    `${store.url}: ${file.name} is missing and is not the end of the archive: ${reason}`,
    { hint: gapHints[kind], retry: true },
  );
}

/**
 * The acknowledgement that counts for this recovery. A recovery that follows another timeline would end on the way to
 * it: nobody accepted that.
 */
async function acknowledgementOf(
  survey: SystemSurvey,
  { geometry, timeline }: FetchOptions,
  file: WalFileName & { kind: 'segment' },
): Promise<AcknowledgedGap | undefined> {
  if (timeline !== undefined && timeline !== file.timeline) return undefined;
  return await findAcknowledgement(survey, file, geometry);
}

async function gapIn(
  survey: SystemSurvey,
  options: FetchOptions,
  file: WalFileName & { kind: 'segment' },
): Promise<Gap | undefined> {
  return await unlessBestEffort(survey.repository, options, () =>
    findGap(survey, file, {
      ...options,
      histories: readLocalHistories(dirname(options.destination)),
      isStandby: options.mode === 'standby',
    }),
  );
}

/** On a versioned bucket, a delete marker proves that the object existed. */
export const deleted: Gap = { kind: 'deleted', reason: 'it was deleted from the archive' };

export const removeMarker = 'The bucket keeps versions: remove the delete marker to have it back.';

const orAccept = ' If its loss is accepted, `walvault gap ack` lets a recovery end there.';

const gapHints: Readonly<Record<Gap['kind'], string>> = {
  removed: 'Recover from one of the backups that `walvault list` shows: what an older one needs is gone.',
  'given-up': `If a server still has it in pg_wal, run \`walvault push --missing\` there; otherwise restore to a target before it, or from a backup taken after it.${orAccept}`,
  deleted: `${removeMarker}${orAccept}`,
  hole: `If a server still has it in pg_wal, run \`walvault push --missing\` there; otherwise restore to a target before it.${orAccept}`,
};
