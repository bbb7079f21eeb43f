/** The reading of a backup's data: its manifest, the chosen parts, and what is beside them. */
import { tmpdir } from 'node:os';
import { WalvaultError } from '../../base/errors/errors.ts';
import { each } from '../../base/threads/each.ts';
import { controlFilePath } from '../../postgres/cluster/control-file.ts';
import { readSpooled } from '../../repository/backup/entry-spool.ts';
import { verifyManifest, type VerifiedManifest } from '../../repository/backup/manifest-spool.ts';
import type { BackupPart, BackupRecord } from '../../repository/format/backup-record.ts';
import { pieceKey } from '../../repository/format/layout.ts';
import { besideParts, type ReadDepth } from '../../repository/format/notes/verified.ts';
import { damagedAmong, type SuspectPage } from '../damaged-pages.ts';
import { isBesideChosen, partsOf, type ChosenParts } from './choose-data.ts';
import { pagesFinding, pieceFinding } from './data-findings.ts';
import type { DataReader } from './data-reader.ts';
import type { Finding } from './finding.ts';
import type { PageLayout, PartResult } from './read-part.ts';
import { readBesideParts, type BesideReading } from './read-beside-parts.ts';
import { notAsRecorded, storedState } from './stored-bytes.ts';

export interface BackupReading extends BesideReading {
  readonly reader: DataReader;
  readonly onPart: (storedBytes: number) => void;
}

export interface ReadBackup {
  readonly findings: readonly Finding[];
  /** The numbers of the parts that are sound, and of those that are not; `besideParts` is among them. */
  readonly sound: ReadonlySet<number>;
  readonly faulty: ReadonlySet<number>;
  /** The least depth of what was sound. */
  readonly depth: ReadDepth;
  readonly coldCount: number;
}

export async function readBackup(reading: BackupReading, chosen: ChosenParts): Promise<ReadBackup> {
  const { repository, reader, context, signal } = reading;
  const { record } = chosen;
  const findings: Finding[] = [];
  const suspects: SuspectPage[] = [];
  const sound = new Set<number>();
  const faulty = new Set<number>();
  let { depth } = reading;
  let coldCount = 0;
  const take = (part: BackupPart, { outcome, suspects: found }: PartResult) => {
    suspects.push(...found);
    if (outcome.outcome === 'cold') coldCount++;
    else if (outcome.outcome === 'sound') {
      sound.add(part.number);
      if (outcome.depth === 'stored') depth = 'stored';
    } else if (outcome.outcome === 'faulty') {
      const { kind, problem } = outcome;
      faulty.add(part.number);
      findings.push(
        pieceFinding(record, part, { kind, problem, isChanged: kind === 'part-bytes-changed' }, context),
      );
    }
    reading.onPart(part.storedSizeBytes);
  };
  if (isBesideChosen(chosen)) {
    const beside = await readBesideParts(reading, record);
    findings.push(...beside.findings);
    if (beside.outcome === 'cold') coldCount++;
    if (beside.outcome === 'sound') sound.add(besideParts);
    if (beside.outcome === 'faulty') faulty.add(besideParts);
    if (!beside.isDecoded) depth = 'stored';
  }
  if (chosen.count === 0) return { findings, sound, faulty, depth, coldCount };
  await using manifest = await readManifest(reading, record, findings);
  if (manifest === undefined && reading.depth === 'decoded') depth = 'stored';
  const readOne = (part: BackupPart, pages: PageLayout | undefined) => {
    const { id, sizeBytes, fileCount } = record;
    const { system } = context;
    const expected = manifest?.filesOfPart(part.number);
    const task = { system, backup: { id, sizeBytes, fileCount }, part, expected, pages, depth };
    return reader.part(repository, task, signal);
  };
  let layout: PageLayout | undefined;
  const first = manifest && record.dataChecksums ? await partWithControlFile(manifest, record) : undefined;
  if (first !== undefined) {
    const result = await readOne(first, undefined);
    ({ layout } = result);
    take(first, result);
  }
  await each(partsOf(chosen), reader.jobs, async part => {
    if (part.number !== first?.number) take(part, await readOne(part, layout));
  });
  const range = { startLsn: record.startLsn, currentLsn: record.stopLsn };
  const pages = pagesFinding(record, damagedAmong(suspects, range));
  if (pages !== undefined) findings.push(pages);
  return { findings, sound, faulty, depth, coldCount };
}

/** Undefined where it cannot be used: then the stored bytes of parts are compared, and nothing else. */
async function readManifest(
  { repository, context, depth, signal }: BackupReading,
  record: BackupRecord,
  findings: Finding[],
): Promise<VerifiedManifest | undefined> {
  const { manifest: piece } = record;
  const stored = await storedState(repository, pieceKey(context.system, record.id, piece), piece, signal);
  const add = (problem: string, isChanged: boolean) =>
    findings.push(pieceFinding(record, piece, { kind: 'manifest-damaged', problem, isChanged }, context));
  if (stored === 'changed') add(notAsRecorded, true);
  if (stored !== 'same' || depth === 'stored') return undefined;
  try {
    const source = { repository, system: context.system, record, spoolDirectory: tmpdir(), signal };
    return await verifyManifest(source);
  } catch (error) {
    if (!(error instanceof WalvaultError) || !['damaged', 'key'].includes(error.code)) throw error;
    if (error.code === 'damaged') add(error.message, false);
    return undefined;
  }
}

/** Usually the last one. It tells how pages are laid out, and is small. */
async function partWithControlFile(
  manifest: VerifiedManifest,
  { parts }: BackupRecord,
): Promise<BackupPart | undefined> {
  for (const part of [...parts].reverse())
    for await (const { path } of readSpooled(manifest.filesOfPart(part.number)))
      if (path === controlFilePath) return part;
  return undefined;
}
