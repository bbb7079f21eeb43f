/**
 * The check that a segment's header fits its name and cluster. It runs before a segment is archived, and before a
 * fetched one is handed to PostgreSQL, which checks the same fields only during replay (xlogreader.c,
 * XLogReaderValidatePageHeader).
 */
import type { WalFileName } from './file-name.ts';
import type { WalGeometry } from './geometry.ts';
import { formatLsn } from './lsn.ts';
import { isWalHeader, parseLongPageHeader, postgresMajorOfPageMagic } from './page-header.ts';

export interface SegmentCheckInput {
  /** A segment or a partial; other kinds have no header. */
  readonly file: WalFileName & { kind: 'segment' | 'partial' };
  readonly sizeBytes: number;
  /** The first page, or at least its first 40 bytes. */
  readonly firstPage: Uint8Array;
  readonly systemId: bigint;
  readonly geometry: WalGeometry;
}

export interface SegmentCheck {
  /** Reasons to refuse the file, each a phrase that follows its name and a colon. */
  readonly problems: readonly string[];
  /** The page magic in hex, if no PostgreSQL known here writes it; by itself no reason to refuse the file. */
  readonly unknownPageMagic: string | undefined;
  /**
   * True: the header names another system, so the segment is another cluster's, even if other fields are wrong, too.
   */
  readonly isForeign: boolean;
  /**
   * True: it is no whole segment (empty, cut, or no WAL at all), and nothing shows that it belongs to another cluster or
   * to another place.
   */
  readonly isDamaged: boolean;
}

/**
 * The timeline in the header may be lower than in the name but never higher: after a failover, the first segment of the
 * new timeline begins with pages copied from its parent.
 */
export function checkSegment(input: SegmentCheckInput): SegmentCheck {
  const problems = sizeProblems(input);
  const header = parseLongPageHeader(input.firstPage);
  if (header === undefined) {
    problems.push('it does not begin with a WAL page header');
    return { problems, unknownPageMagic: undefined, isForeign: false, isDamaged: true };
  }
  const { file, systemId, geometry } = input;
  const sizeProblemCount = problems.length;
  const { segmentSizeBytes } = geometry;
  const isForeign = header.systemId !== systemId;
  if (isForeign)
    problems.push(`its header has system identifier ${header.systemId}, the cluster has ${systemId}`);
  if (header.segmentSizeBytes !== segmentSizeBytes)
    problems.push(
      `its header has segment size ${header.segmentSizeBytes}, the cluster has ${segmentSizeBytes}`,
    );
  const expectedAddress = geometry.startLsn(geometry.positionOf(file).segment);
  if (header.pageAddress !== expectedAddress)
    problems.push(
      `its header has WAL address ${formatLsn(header.pageAddress)}, its name means ${formatLsn(expectedAddress)}`,
    );
  if (header.timeline > file.timeline)
    problems.push(`its header has timeline ${header.timeline}, above the name's ${file.timeline}`);
  const isKnown = postgresMajorOfPageMagic(header.magic) !== undefined;
  const unknownPageMagic = isKnown ? undefined : header.magic.toString(16).toUpperCase();
  const hasOnlySizeProblems = problems.length === sizeProblemCount && geometry.isPossible(file);
  // Junk may look like a header by chance, but not like one that a PostgreSQL writes.
  const isDamaged = problems.length > 0 && (hasOnlySizeProblems || !isWalHeader(header));
  return { problems, unknownPageMagic, isForeign, isDamaged };
}

/** A partial has the full size, too: PostgreSQL renames the whole file, and pg_receivewal pads its own. */
function sizeProblems({ file, sizeBytes, geometry }: SegmentCheckInput): string[] {
  const { segmentSizeBytes } = geometry;
  const problems: string[] = [];
  if (sizeBytes !== segmentSizeBytes)
    problems.push(`it has ${sizeBytes} bytes, a segment has ${segmentSizeBytes}`);
  if (!geometry.isPossible(file))
    problems.push(`no segment has this name when segments have ${segmentSizeBytes} bytes`);
  return problems;
}
