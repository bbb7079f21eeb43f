/** The judgement on the backups whose records count: their objects, the WAL that makes them consistent, known damage. Pure. */
import { objectBounds } from '../../base/bounds.ts';
import { formatCount } from '../../base/units.ts';
import { describe } from '../../postgres/wal/segment-range.ts';
import type { BackupFaults } from '../../repository/backup/faults.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { sealBytes } from '../../repository/encoding/host-secret.ts';
import { parsePartIndexName } from '../../repository/format/layout.ts';
import type { BackupDirectory, MissingPiece } from '../../repository/stored-backups.ts';
import { describeDamagedPages } from '../damaged-pages.ts';
import { indexFinding } from './data-findings.ts';
import { noLoss, type Finding, type FindingKind } from './finding.ts';
import type { ArchiveState } from './gather.ts';
import { lossOfBackup, type LossContext } from './loss.ts';

export function judgeBackups(state: ArchiveState, context: LossContext): Finding[] {
  const ids = new Set(state.backups.map(({ record }) => record.id));
  return state.faults.flatMap(faults => [
    ...pieceFindings(faults, context),
    ...walFindings(faults, context),
    ...parentFindings(faults.record, ids, context),
    ...pageFindings(faults.record),
    ...indexFindings(faults.record, state),
  ]);
}

type PieceKind = Extract<FindingKind, `${'part' | 'manifest' | 'name-map'}-${'missing' | 'wrong-size'}`>;

/** One finding for each kind: a backup that is gone lacks thousands of parts. */
function pieceFindings({ record, pieces, names }: BackupFaults, context: LossContext): Finding[] {
  const byKind = Map.groupBy([...pieces.first, ...names.first], piece => kindOf(piece, record));
  const unnamed = pieces.count - pieces.first.length;
  return [...byKind].map(([kind, [first, ...others]]) => {
    const isNameMap = kind.startsWith('name-map');
    const more = others.length + (kind === 'part-missing' ? unnamed : 0);
    return {
      kind,
      severity: isNameMap ? 'warning' : 'damaged',
      subject: record.id,
      problem: `${first === undefined ? '' : describePiece(first)}${more === 0 ? '' : `, the first of ${formatCount(more + 1, 'object')}`}`,
      loss: isNameMap
        ? { ...noLoss, otherwise: 'nothing tells the names of its files' }
        : lossOfBackup(record, context),
      remedies: isNameMap ? ['copy', 'older-version'] : ['copy', 'older-version', 'new-backup'],
      repairable: { kind: 'pieces', record },
    };
  });
}

function kindOf({ name, foundBytes }: MissingPiece, record: BackupRecord): PieceKind {
  const what = name === record.manifest.name ? 'manifest' : name === record.names?.name ? 'name-map' : 'part';
  return `${what}-${foundBytes === undefined ? 'missing' : 'wrong-size'}`;
}

function describePiece({ name, foundBytes, recordedBytes }: MissingPiece): string {
  return foundBytes === undefined
    ? `${name} is missing`
    : `${name} has ${foundBytes} bytes and was stored with ${recordedBytes}`;
}

function walFindings({ record, wal }: BackupFaults, context: LossContext): Finding[] {
  return wal.map(range => ({
    kind: 'backup-wal-missing',
    severity: 'damaged',
    subject: record.id,
    problem: `its WAL ${describe(range, record.geometry)} is missing`,
    loss: lossOfBackup(record, context),
    remedies: ['copy', 'push-missing', 'new-backup'],
    repairable: { kind: 'segments', range },
  }));
}

function parentFindings(record: BackupRecord, ids: ReadonlySet<string>, context: LossContext): Finding[] {
  const { parent } = record;
  if (parent === undefined || ids.has(parent)) return [];
  return [
    {
      kind: 'parent-missing',
      severity: 'damaged',
      subject: record.id,
      problem: `backup ${parent}, which it builds on, is not there`,
      loss: lossOfBackup(record, context),
      remedies: ['copy', 'new-backup'],
    },
  ];
}

/** What the backup itself found; it is restorable all the same. */
function pageFindings(record: BackupRecord): Finding[] {
  if (record.damagedPages === 0) return [];
  return [
    {
      kind: 'pages-damaged',
      severity: 'warning',
      subject: record.id,
      problem: `was taken with ${describeDamagedPages(record)}`,
      loss: { ...noLoss, otherwise: 'these pages cannot be read in a restored copy' },
      remedies: ['find-cause'],
    },
  ];
}

function indexFindings({ id }: BackupRecord, { system, directories }: ArchiveState): Finding[] {
  return indexesIn(directories.get(id))
    .filter(({ isPossible }) => !isPossible)
    .map(({ part, sizeBytes }) =>
      indexFinding(system, id, { part, problem: `has ${sizeBytes} bytes, which is no index of a part` }),
    );
}

/** The indexes that the listing of a backup shows, and whether they have a possible size. */
export function indexesIn(
  directory: BackupDirectory | undefined,
): { readonly part: number; readonly sizeBytes: number; readonly isPossible: boolean }[] {
  return [...(directory?.sizes ?? [])].flatMap(([name, sizeBytes]) => {
    const part = parsePartIndexName(name);
    const isPossible = sizeBytes > sealBytes && sizeBytes <= objectBounds.partIndex.limitBytes + sealBytes;
    return part === undefined ? [] : [{ part, sizeBytes, isPossible }];
  });
}
