/** The reading of what a backup has beside its manifest and parts, and no restore needs: the name map, and the indexes of parts. */
import { readLines } from '../../base/bytes/lines.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { readPiece } from '../../repository/backup/stored-piece.ts';
import type { BackupRecord, StoredPiece } from '../../repository/format/backup-record.ts';
import { parseFields } from '../../repository/format/fields.ts';
import { pieceKey } from '../../repository/format/layout.ts';
import type { ReadDepth } from '../../repository/format/notes/verified.ts';
import type { Repository } from '../../repository/repository.ts';
import { indexFinding, pieceFinding, type DataContext } from './data-findings.ts';
import type { Finding } from './finding.ts';
import { findDamagedIndexes } from './read-indexes.ts';
import { notAsRecorded, storedState } from './stored-bytes.ts';

export interface BesideReading {
  readonly repository: Repository;
  readonly context: DataContext;
  readonly depth: ReadDepth;
  /** The numbers of the parts that have an index, by a backup's id. */
  readonly indexesOf: (id: string) => readonly number[];
  readonly signal: AbortSignal;
}

export interface ReadBeside {
  readonly findings: readonly Finding[];
  /** `missing`: the listing has told, and tells the next time. */
  readonly outcome: 'sound' | 'faulty' | 'missing' | 'cold';
  /** False: a name map is there, and this host has no key for it. */
  readonly isDecoded: boolean;
}

export async function readBesideParts(reading: BesideReading, record: BackupRecord): Promise<ReadBeside> {
  const { repository, context, signal } = reading;
  const { system } = context;
  const names = record.names === undefined ? nothing : await readNameMap(reading, record, record.names);
  const indexes = reading.indexesOf(record.id);
  const damaged = await findDamagedIndexes(repository, { system, id: record.id, indexes, signal });
  if (damaged.length === 0) return names;
  const findings = damaged.map(({ part, problem }) => indexFinding(system, record.id, { part, problem }));
  return { ...names, findings: [...names.findings, ...findings], outcome: 'faulty' };
}

const nothing: ReadBeside = { findings: [], outcome: 'sound', isDecoded: true };

async function readNameMap(
  { repository, context, depth, signal }: BesideReading,
  record: BackupRecord,
  piece: StoredPiece,
): Promise<ReadBeside> {
  const key = pieceKey(context.system, record.id, piece);
  const faulty = (problem: string, isChanged: boolean): ReadBeside => {
    const finding = { kind: 'name-map-damaged', problem, isChanged } as const;
    return { ...nothing, findings: [pieceFinding(record, piece, finding, context)], outcome: 'faulty' };
  };
  const stored = await storedState(repository, key, piece, signal);
  if (stored === 'changed') return faulty(notAsRecorded, true);
  if (stored !== 'same') return { ...nothing, outcome: stored };
  if (depth === 'stored') return { ...nothing, isDecoded: false };
  try {
    await readPiece(repository, { key, record, piece, signal }, async decoded => {
      let relations = 0;
      let told: number | undefined;
      for await (const line of readLines(decoded, 'name map')) {
        const fields = parseFields(line, key);
        if (fields.has('relation')) relations++;
        if (fields.has('relations')) told = fields.number('relations');
      }
      if (told !== relations)
        throw new WalvaultError(
          'damaged',
          `${key}: names ${relations} relations, its trailer says ${told ?? 'nothing'}`,
        );
    });
    return nothing;
  } catch (error) {
    if (!(error instanceof WalvaultError) || !['damaged', 'key'].includes(error.code)) throw error;
    return error.code === 'damaged' ? faulty(error.message, false) : { ...nothing, isDecoded: false };
  }
}
