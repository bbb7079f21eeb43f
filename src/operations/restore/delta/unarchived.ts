/** WAL in the `pg_wal` of a directory that the archive does not have: what a restore without it would lose. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, systemCode } from '../../../base/errors/errors.ts';
import { withoutWaiting } from '../../../base/files/read.ts';
import { ArchiveStatus, type MarkedFiles } from '../../../postgres/cluster/archive-status.ts';
import { parseWalFileName, type WalFileName } from '../../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import { checkSegment } from '../../../postgres/wal/segment-check.ts';
import { contains, type SegmentRange } from '../../../postgres/wal/segment-range.ts';

export interface Archived {
  readonly systemId: bigint;
  readonly geometry: WalGeometry;
  readonly runs: readonly SegmentRange[];
  /** Timelines with an archived history. */
  readonly histories: ReadonlySet<number>;
}

export interface UnarchivedWal {
  /** Names of whole segments and of histories, in their order. */
  readonly names: readonly string[];
  /** The segment that the server wrote last, which is not full. */
  readonly unfinished: string | undefined;
}

type Segment = WalFileName & { readonly kind: 'segment' };

const firstPageBytes = 8192;

/** @throws WalvaultError `local-io` */
export async function findUnarchived(walDirectory: string, archived: Archived): Promise<UnarchivedWal> {
  const names = await namesIn(walDirectory);
  const marked = await new ArchiveStatus(walDirectory).read();
  const files = names.flatMap(name => parseWalFileName(name) ?? []);
  const genuine: Segment[] = [];
  for (const file of files)
    if (file.kind === 'segment' && (await isGenuine(walDirectory, file, archived))) genuine.push(file);
  const histories = files.flatMap(file => (file.kind === 'history' ? [file] : []));
  return judge({ genuine, histories, marked }, archived);
}

/**
 * A segment is whole if PostgreSQL has marked it for archiving, or a later one has been begun: those that it made ahead, or will recycle, have
 * another address in their header. Pure.
 * @param files `genuine`: segments whose headers fit to their names
 */
export function judge(
  files: {
    readonly genuine: readonly Segment[];
    readonly histories: readonly { readonly name: string; readonly timeline: number }[];
    readonly marked: MarkedFiles;
  },
  { geometry, runs, histories }: Archived,
): UnarchivedWal {
  const marked = new Set([...files.marked.ready, ...files.marked.done]);
  const inOrder = files.genuine.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const last = inOrder.at(-1);
  const isWhole = ({ name }: Segment) => marked.has(name) || name !== last?.name;
  const missing = inOrder.filter(file => !runs.some(run => contains(run, geometry.positionOf(file))));
  return {
    names: [
      ...files.histories.filter(({ timeline }) => !histories.has(timeline)).map(({ name }) => name),
      ...missing.filter(isWhole).map(({ name }) => name),
    ],
    unfinished: missing.find(file => !isWhole(file))?.name,
  };
}

async function isGenuine(
  walDirectory: string,
  file: Segment,
  { systemId, geometry }: Archived,
): Promise<boolean> {
  const path = join(walDirectory, file.name);
  try {
    await using handle = await open(path, withoutWaiting);
    const { size: sizeBytes } = await handle.stat();
    const firstPage = Buffer.alloc(firstPageBytes);
    await handle.read(firstPage, 0, firstPage.length, 0);
    return checkSegment({ file, sizeBytes, firstPage, systemId, geometry }).problems.length === 0;
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

async function namesIn(walDirectory: string): Promise<string[]> {
  try {
    return await readdir(walDirectory);
  } catch (error) {
    // A link may lead nowhere.
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return [];
    throw localIoError('read directory', walDirectory, error);
  }
}
