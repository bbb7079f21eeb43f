/** The findings about data that was read: what each fault means for restores. Pure. */
import { oneSegment } from '../../postgres/wal/segment-range.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { BackupRecord, DamagedPage, StoredPiece } from '../../repository/format/backup-record.ts';
import { partIndexKey, pieceKey, walKey, type SystemPath } from '../../repository/format/layout.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import { describeDamagedPages } from '../damaged-pages.ts';
import {
  noLoss,
  type Finding,
  type FindingKind,
  type Loss,
  type Remedy,
  type Repairable,
} from './finding.ts';
import { lossOfBackup, lossOfSegments, type LossContext } from './loss.ts';
import type { FaultySegment } from './read-segments.ts';
import type { WalFaultKind } from './read-wal.ts';

/** The archive as the findings about its data need it. */
export interface DataContext extends LossContext {
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
}

const walRemedies: Record<WalFaultKind, readonly Remedy[]> = {
  'wal-wrong-size': ['copy', 'older-version', 'remove-and-push', 'new-backup'],
  'wal-bytes-changed': ['copy', 'older-version', 'remove-and-push', 'new-backup'],
  'wal-undecodable': ['older-version', 'remove-and-push', 'new-backup'],
  'wal-mislabelled': ['remove-and-push', 'new-backup'],
  'wal-signature-bad': ['older-version', 'remove-and-push', 'new-backup'],
  'wal-metadata-missing': ['older-version'],
  'wal-not-believed': ['trust-signer', 'remove-and-push'],
};

/** Its own digest disagrees with what is stored, or it is nothing at all: a good copy may take its place. */
const changedKinds: readonly WalFaultKind[] = ['wal-bytes-changed', 'wal-wrong-size', 'wal-undecodable'];
const isChanged = (kind: WalFaultKind) => changedKinds.includes(kind);

export function segmentFinding(
  { timeline, segment, kind, problem }: FaultySegment,
  { system, geometry, ...context }: DataContext,
): Finding {
  const key = walKey(system, geometry.fileOf(timeline, segment));
  const isReadable = kind === 'wal-metadata-missing';
  return {
    kind,
    severity: isReadable ? 'warning' : 'damaged',
    subject: key,
    problem,
    loss: isReadable ? noLoss : lossOfSegments(oneSegment({ timeline, segment }), context, geometry),
    remedies: walRemedies[kind],
    repairable: isChanged(kind) ? changedObject(key, 'wal') : undefined,
  };
}

/** A history, a partial, a backup history file or a kept conflict. */
export function extraFinding(
  { key, file, kind, problem }: { key: string; file: WalFileName; kind: WalFaultKind; problem: string },
  { sound }: DataContext,
): Finding {
  const isHistory = file.kind === 'history';
  const isOlderBackup = isHistory && sound.some(({ timeline }) => timeline < file.timeline);
  const loss: Loss = isOlderBackup
    ? {
        ...noLoss,
        otherwise: `no recovery from a backup of an earlier timeline reaches timeline ${file.timeline}`,
      }
    : noLoss;
  const isHarmless = !isHistory || kind === 'wal-metadata-missing';
  return {
    kind: isHistory ? (kind === 'wal-metadata-missing' ? kind : 'history-unreadable') : 'wal-extra-damaged',
    severity: isHarmless ? 'warning' : 'damaged',
    subject: key,
    problem,
    loss,
    remedies: isHistory ? ['copy', 'older-version', 'remove-and-push'] : ['older-version', 'remove'],
    repairable: isChanged(kind) ? changedObject(key, isHistory ? 'catalog' : 'wal') : undefined,
  };
}

type PieceKind = Extract<FindingKind, `part-${string}` | 'manifest-damaged' | 'name-map-damaged'>;

export function pieceFinding(
  record: BackupRecord,
  piece: StoredPiece,
  { kind, problem, isChanged: changed }: { kind: PieceKind; problem: string; isChanged: boolean },
  context: DataContext,
): Finding {
  const key = pieceKey(context.system, record.id, piece);
  const isNameMap = kind === 'name-map-damaged';
  const digest = { sha256: piece.storedSha256, sizeBytes: piece.storedSizeBytes };
  return {
    kind,
    severity: isNameMap ? 'warning' : 'damaged',
    subject: key,
    problem,
    loss: isNameMap
      ? { ...noLoss, otherwise: 'nothing tells the names of its files' }
      : lossOfBackup(record, context),
    remedies: isNameMap ? ['copy', 'older-version'] : ['copy', 'older-version', 'new-backup'],
    repairable: changed
      ? {
          kind: 'object',
          key,
          objectClass: kind.startsWith('part') ? 'backup' : 'catalog',
          digest,
          state: 'changed',
        }
      : undefined,
  };
}

/** An index helps to go on with an interrupted backup, and no restore. */
export function indexFinding(
  system: SystemPath,
  id: string,
  { part, problem }: { readonly part: number; readonly problem: string },
): Finding {
  return {
    kind: 'part-index-damaged',
    severity: 'warning',
    subject: partIndexKey(system, id, part),
    problem,
    loss: noLoss,
    remedies: ['remove'],
  };
}

/** Pages that the backup itself did not notice, although everything is as it was stored. */
export function pagesFinding(record: BackupRecord, pages: readonly DamagedPage[]): Finding | undefined {
  const known = record.namedDamagedPages ?? [];
  // A backup names no more than the first hundred: of the others nothing tells which they are.
  if (record.damagedPages > known.length) return undefined;
  const unknown = pages.filter(
    ({ path, page }) => !known.some(one => one.path === path && one.page === page),
  );
  if (unknown.length === 0) return undefined;
  return {
    kind: 'pages-damaged',
    severity: 'damaged',
    subject: record.id,
    problem: `holds ${describeDamagedPages({ damagedPages: unknown.length, namedDamagedPages: unknown })}`,
    loss: { ...noLoss, otherwise: 'these pages cannot be read in a restored copy' },
    remedies: ['find-cause', 'new-backup'],
  };
}

function changedObject(key: string, objectClass: 'wal' | 'catalog'): Repairable {
  return { kind: 'object', key, objectClass, digest: undefined, state: 'changed' };
}
