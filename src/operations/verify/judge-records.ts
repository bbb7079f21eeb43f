/** The judgement on `cluster.json`, the catalogue's records, notes, and objects that are no part of the format. Pure. */
import { describeVerdict } from '../../repository/encoding/signature-policy.ts';
import { clusterRecordKey, commitRecordKey, signatureKey } from '../../repository/format/layout.ts';
import { backupInProgressMs } from '../../repository/stored-backups.ts';
import { lossOfRecord, noLoss, type Finding, type Repairable } from './finding.ts';
import type { ArchiveState } from './gather.ts';

export function judgeRecords(state: ArchiveState): Finding[] {
  return [
    ...clusterRecordFindings(state),
    ...unreadableRecords(state),
    ...unbelievedRecords(state),
    ...contradictoryRecords(state),
    ...unfinishedBackups(state),
    ...unusableNotes(state),
    ...foreignObjects(state),
  ];
}

function clusterRecordFindings({ system, clusterRecord, backups }: ArchiveState): Finding[] {
  const subject = clusterRecordKey(system);
  const otherwise = 'fetch cannot prove that a segment is absent, so that no recovery comes to an end';
  const base = { severity: 'damaged', subject, loss: { ...noLoss, otherwise } } as const;
  if (clusterRecord === undefined) {
    const repairable = missingObject(subject);
    const remedies = ['copy', 'next-push'] as const;
    return [{ ...base, kind: 'cluster-record-missing', problem: 'is missing', remedies, repairable }];
  }
  if ('problem' in clusterRecord)
    return [
      {
        ...base,
        kind: 'cluster-record-unreadable',
        problem: clusterRecord.problem,
        remedies: ['remove', 'next-push'],
      },
    ];
  const size = backups[0]?.record.geometry.segmentSizeBytes;
  if (size === undefined || size === clusterRecord.segmentSizeBytes) return [];
  const problem = `says segments of ${clusterRecord.segmentSizeBytes} bytes, the backups have ${size}`;
  return [{ ...base, kind: 'cluster-record-wrong', problem, remedies: ['remove', 'next-push'] }];
}

/** Where a backup's parts are there, it is lost with its record; a record alone was never one. */
function unreadableRecords({ system, catalog, directories }: ArchiveState): Finding[] {
  return catalog.unreadable.map(({ id, problem }) => ({
    kind: 'commit-record-unreadable',
    severity: directories.has(id) ? 'damaged' : 'warning',
    subject: commitRecordKey(system, id),
    problem,
    loss: directories.has(id) ? lossOfRecord(id) : noLoss,
    remedies: ['older-version', 'new-backup', 'remove'],
  }));
}

function unbelievedRecords({ system, catalog, believed, directories }: ArchiveState): Finding[] {
  const ids = new Set(believed.map(({ record }) => record.id));
  return catalog.backups
    .filter(({ record: { id } }) => !ids.has(id))
    .map(({ record: { id }, verdict }) => {
      const subject = commitRecordKey(system, id);
      return {
        kind: 'commit-record-not-believed',
        severity: directories.has(id) ? 'damaged' : 'warning',
        subject,
        problem: describeVerdict(verdict),
        loss: directories.has(id) ? lossOfRecord(id) : noLoss,
        remedies: ['copy', 'trust-signer'],
        repairable: verdict.status === 'unsigned' ? missingObject(signatureKey(subject)) : undefined,
      };
    });
}

function contradictoryRecords({ system, believed, backups }: ArchiveState): Finding[] {
  const usable = new Set(backups.map(({ record }) => record.id));
  return believed
    .filter(({ record: { id } }) => !usable.has(id))
    .map(({ record: { id } }) => ({
      kind: 'commit-record-contradictory',
      severity: 'damaged',
      subject: commitRecordKey(system, id),
      problem: 'its positions contradict each other',
      loss: lossOfRecord(id),
      remedies: ['older-version', 'new-backup'],
    }));
}

const dayMs = 24 * 3_600_000;
/** As long a backup with its manifest may still wait for its WAL to be archived. */
const endingMs = dayMs;

/** Directories of backups that have no commit record, and are not being written. */
function unfinishedBackups({ catalog, directories, expiring, now }: ArchiveState): Finding[] {
  const committed = new Set([
    ...catalog.backups.map(({ record }) => record.id),
    ...catalog.unreadable.map(({ id }) => id),
  ]);
  return [...directories].flatMap(([id, { sizes, lastModified, objectCount }]): Finding[] => {
    if (committed.has(id)) return [];
    const base = { severity: 'warning', subject: id, loss: noLoss } as const;
    if (expiring.has(id)) {
      const problem = `was removed by a cleanup, and ${objectCount} of its objects are still there`;
      return [{ ...base, kind: 'removal-unfinished', problem, remedies: ['next-cleanup'] }];
    }
    const hasManifest = [...sizes.keys()].some(name => name.startsWith('manifest'));
    if (now.getTime() - lastModified.getTime() < (hasManifest ? endingMs : backupInProgressMs)) return [];
    const problem = hasManifest
      ? 'has its manifest and no commit record: it was interrupted at its very end, or its record is lost'
      : `has no commit record, and nothing was written to it since ${lastModified.toISOString()}`;
    return [
      {
        ...base,
        kind: 'claim-without-record',
        problem,
        loss: hasManifest ? lossOfRecord(id) : noLoss,
        remedies: hasManifest ? ['copy', 'older-version', 'next-backup'] : ['next-backup'],
      },
    ];
  });
}

function unusableNotes({ passedOver }: ArchiveState): Finding[] {
  return passedOver.notes.map(({ key, problem }) => ({
    kind: 'note-unusable',
    severity: 'warning',
    subject: key,
    problem,
    loss: { ...noLoss, otherwise: 'what it says counts for nothing' },
    remedies: ['older-version', 'trust-signer'],
  }));
}

function foreignObjects({ oddities }: ArchiveState): Finding[] {
  return oddities
    .filter(({ kind }) => kind === 'foreign-object')
    .map(({ key }) => ({
      kind: 'foreign-object',
      severity: 'warning',
      subject: key,
      problem: 'is no part of the repository format: no command reads it',
      loss: noLoss,
      remedies: ['remove'],
    }));
}

function missingObject(key: string): Repairable {
  return { kind: 'object', key, objectClass: 'catalog', digest: undefined, state: 'missing' };
}
