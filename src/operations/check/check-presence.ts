/** The check that what backups and recoveries rely on is there: parts, manifests, and all WAL that once existed (P13). */
import { formatCount } from '../../base/units.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { describe, subtract } from '../../postgres/wal/segment-range.ts';
import { faultsOf } from '../../repository/backup/faults.ts';
import { comparePositions, type BackupRecord } from '../../repository/format/backup-record.ts';
import { describeDamagedPages } from '../damaged-pages.ts';
import { whyNotWhole } from '../../repository/stored-backups.ts';
import type { Repository } from '../../repository/repository.ts';
import {
  describeSideBySide,
  newestOf,
  systemsSideBySide,
  type SystemActivity,
} from '../../repository/live-systems.ts';
import { isBelieved } from '../../repository/encoding/signature-policy.ts';
import { surveySystems, type SystemSurvey } from '../../repository/survey.ts';
import type { Gap } from '../../repository/wal/gaps.ts';
import { metByRecovery } from '../../repository/wal/lost-wal.ts';
import { tellingOfListings } from '../listing-progress.ts';
import { anomalyFindings } from './check-anomalies.ts';
import { linkOf } from './check-store.ts';
import { failure, ok, warning, type Checklist, type Finding } from './checklist.ts';
import type { CheckOptions } from './options.ts';

export interface PresenceCheck {
  readonly options: Pick<CheckOptions, 'now' | 'log' | 'signal'> & {
    readonly config: Pick<CheckOptions['config'], 'cluster' | 'status'>;
  };
  /** The repositories that are reachable. */
  readonly usable: readonly Repository[];
}

/** Costs a listing of the whole archive, and reads no part and no WAL. */
export async function checkPresence(list: Checklist, { options, usable }: PresenceCheck): Promise<void> {
  const { config, log, signal } = options;
  for (const repository of usable)
    await list.prove(linkOf(repository), 'presence of backups and WAL', {
      signal,
      work: async () => {
        const findings: Finding[] = [];
        const activity: SystemActivity[] = [];
        for (const survey of await surveySystems(
          tellingOfListings(repository, log),
          config.cluster,
          signal,
        )) {
          findings.push(...(await presenceFindings(survey)));
          findings.push(...(await anomalyFindings(survey, { ...config.status, now: options.now })));
          activity.push(await activityOf(survey));
        }
        return [...findings, ...sideBySideFindings(activity)];
      },
    });
}

async function activityOf(survey: SystemSurvey): Promise<SystemActivity> {
  const { systemId } = survey.system;
  const cluster = await survey.clusterRecord();
  const geometry = await survey.geometry();
  const lastArchivedAt = geometry && newestOf((await survey.wal(geometry)).runs);
  return { systemId, firstSeen: cluster?.firstSeen, lastArchivedAt };
}

function sideBySideFindings(activity: readonly SystemActivity[]): Finding[] {
  const ids = systemsSideBySide(activity).map(({ systemId }) => systemId);
  return ids.length === 0
    ? []
    : [warning(describeSideBySide(ids), 'Give each server a `cluster` of its own in its configuration.')];
}

/** Anybody who can add records can add very many. */
const mostNamed = 10;

async function presenceFindings(survey: SystemSurvey): Promise<Finding[]> {
  const catalog = await survey.catalog();
  const { policy } = survey.repository.codec;
  const records = (await survey.believedBackups()).map(({ record }) => record);
  const geometry = await survey.geometry();
  const broken = [
    ...catalog.unreadable
      .filter(({ verdict }) => isBelieved(verdict, policy))
      .slice(0, mostNamed)
      .map(({ id, problem }) => failure(`the record of backup ${id} cannot be used: ${problem}`)),
    ...(await brokenBackups(survey, records)),
  ];
  const gaps = geometry === undefined ? [] : await gapFindings(survey, records, geometry);
  broken.push(...passedOverFindings(survey));
  const damaged = damageFindings(records);
  const isSound = [...broken, ...gaps].every(({ status }) => status === 'ok');
  if (!isSound || records.length === 0) return [...broken, ...gaps, ...damaged];
  const what = formatCount(records.length, 'backup');
  return [
    ok(`every object of ${what} is there, and so is all WAL that is known to have existed`),
    ...gaps,
    ...damaged,
  ];
}

/** Looks at what was read for the other findings. */
function passedOverFindings({ passedOver }: SystemSurvey): Finding[] {
  const [one] = passedOver.first;
  if (one === undefined) return [];
  const { count } = passedOver;
  return [
    warning(
      `${formatCount(count, 'object')} ${count === 1 ? 'counts' : 'count'} for nothing: ${one.key} ${one.problem}`,
      'Somebody may have planted it. If one of your hosts wrote it, name its public signing key in signing.trusted-signers; else remove it with `walvault store rm --force`.',
    ),
  ];
}

/** Damage in an older backup is over when a newer one is without. */
function damageFindings(records: readonly BackupRecord[]): Finding[] {
  const newest = records.toSorted(comparePositions).at(-1);
  if (newest === undefined || newest.damagedPages === 0) return [];
  return [
    warning(
      `the newest backup, ${newest.id}, has ${describeDamagedPages(newest)}`,
      'The server has them too, unless they were repaired since: look for the cause, and take a new backup. Cleanup keeps the newest backup without damaged pages.',
    ),
  ];
}

async function brokenBackups(survey: SystemSurvey, records: readonly BackupRecord[]): Promise<Finding[]> {
  const directories = await survey.backupDirectories();
  const findings: Finding[] = [];
  for (const record of records) {
    const { id, geometry } = record;
    const faults = faultsOf(record, directories.get(id), (await survey.wal(geometry)).runs);
    const problem = whyNotWhole(faults.pieces);
    if (problem !== undefined)
      findings.push(failure(`backup ${id} cannot be restored: ${problem}`, bringBack));
    const nameless = whyNotWhole(faults.names);
    if (nameless !== undefined)
      findings.push(
        warning(`backup ${id} can be restored, and has lost its name map: ${nameless}`, bringBack),
      );
    const [missing] = faults.wal;
    if (missing !== undefined)
      findings.push(
        failure(
          `backup ${id} cannot be restored: its WAL ${describe(missing, geometry)} is missing`,
          bringBack,
        ),
      );
  }
  return findings;
}

const bringBack =
  'Bring it back from another repository (`walvault copy`) or older versions of the bucket, or take a new backup.';

/** The gaps that a recovery can meet; what was given up and not accepted has lines of its own (check-lost-wal.ts). */
async function gapFindings(
  survey: SystemSurvey,
  records: readonly BackupRecord[],
  geometry: WalGeometry,
): Promise<Finding[]> {
  const given = await survey.openLosses(geometry);
  const gaps = (await survey.gaps(geometry)).flatMap(gap => subtract(gap, given));
  return metByRecovery(gaps, records, geometry).map(({ gap, beyond }) => gapFinding(gap, beyond, geometry));
}

function gapFinding(gap: Gap, beyond: BackupRecord | undefined, geometry: WalGeometry): Finding {
  const what = `WAL ${describe(gap, geometry)} is missing: ${gap.shownBy}`;
  if (gap.acknowledged !== undefined) {
    const { user, host, reason, acknowledgedAt } = gap.acknowledged;
    return ok(`${what}; ${user} on ${host} acknowledged the loss ${acknowledgedAt.toISOString()}: ${reason}`);
  }
  if (beyond !== undefined)
    return warning(what, `Recovery reaches up to it, and again from backup ${beyond.id} on.`);
  return failure(
    what,
    'Nothing after it can be recovered. If a server still has it in pg_wal, `walvault push --missing` closes the gap; else take a backup now. `walvault gap ack` accepts the loss.',
  );
}
