/**
 * The file `global/pg_control` (ControlFileData in pg_control.h). The fields up to the minimum recovery point have had
 * the same place since 12. Later fields are found from the constant 1234567.0 (`floatFormat`), which the file has for
 * this purpose, so that a field added before it changes nothing here.
 */
import { fileBounds } from '../../base/bounds.ts';
import { join } from 'node:path';
import { sleep } from '../../base/time/wait.ts';
import { monotonicMs } from '../../base/time/clock.ts';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { startCrc32c, finishCrc32c, updateCrc32c } from '../../base/checksum/crc32c.ts';
import { readWhole, readWholeNow } from '../../base/files/read.ts';
import { isValidSegmentSize, WalGeometry } from '../wal/geometry.ts';
import type { Lsn } from '../wal/lsn.ts';
import { replayMinimumsAt, type ReplayMinimums } from '../wal/replay-minimums.ts';

export interface ControlFile {
  systemId: bigint;
  controlVersion: number;
  catalogVersion: number;
  state: ClusterState;
  checkpointLsn: Lsn;
  redoLsn: Lsn;
  /** The timeline of the latest checkpoint. A standby or a fresh primary may already be on a later one. */
  timeline: number;
  /** The last byte that recovery must replay; undefined if there is none. */
  minRecoveryPoint: Reached | undefined;
  blockSizeBytes: number;
  walBlockSizeBytes: number;
  geometry: WalGeometry;
  relationSegmentBlocks: number;
  dataChecksums: boolean;
  /** The settings that replay needs at least as large, as the server had them. */
  replayMinimums: ReplayMinimums;
  postgresMajor: number;
}

export type ClusterState =
  | 'starting-up' | 'shut-down' | 'shut-down-in-recovery' | 'shutting-down' | 'in-crash-recovery' | 'in-archive-recovery' | 'in-production'; // prettier-ignore

/** A place in the WAL that a server has reached. */
export interface Reached {
  readonly timeline: number;
  readonly lsn: Lsn;
}

/**
 * The places that a timeline must lead past: recovery refuses every other timeline (InitWalRecovery in xlogrecovery.c).
 */
export function reachedIn({ timeline, checkpointLsn, minRecoveryPoint }: ControlFile): Reached[] {
  return [{ timeline, lsn: checkpointLsn }, ...(minRecoveryPoint === undefined ? [] : [minRecoveryPoint])];
}

/** States in the order of enum DBState. */
const states: readonly ClusterState[] = [
  'starting-up',
  'shut-down',
  'shut-down-in-recovery',
  'shutting-down',
  'in-crash-recovery',
  'in-archive-recovery',
  'in-production',
];

export const controlFilePath = 'global/pg_control';

/** A bad CRC may mean for this long that the server is just writing the file. */
const rereadForMs = 1000;

/**
 * Reads and verifies the file of a cluster, running or not. A file with a bad CRC is read again for about a second:
 * PostgreSQL writes it in place, and a reader can see half of it.
 * @throws WalvaultError `damaged`, `local-io`
 */
export async function readControlFile(dataDirectory: string, signal?: AbortSignal): Promise<ControlFile> {
  const path = join(dataDirectory, controlFilePath);
  const endsAt = monotonicMs() + rereadForMs;
  for (;;) {
    const data = await readOrThrow(path, signal);
    try {
      return parseControlFile(data);
    } catch (error) {
      const mayBeTorn = error instanceof WalvaultError && error.code === 'damaged';
      if (!mayBeTorn || monotonicMs() > endsAt) throw error;
      await sleep(20, signal);
    }
  }
}

/**
 * Reads the file once, without waiting; undefined where it would have to be read again. A server waits for the agent,
 * and this needs no thread of Node's pool, where all may be busy.
 */
export function readControlFileNow(dataDirectory: string): ControlFile | undefined {
  const path = join(dataDirectory, controlFilePath);
  try {
    return parseControlFile(readWholeNow(path, fileBounds.serverFile.limitBytes));
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return undefined;
    throw error instanceof WalvaultError ? error : localIoError('read', path, error);
  }
}

async function readOrThrow(path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  signal?.throwIfAborted();
  try {
    return await readWhole(path, fileBounds.serverFile.limitBytes);
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

/**
 * @throws WalvaultError `damaged` on a bad CRC or impossible sizes, `postgres` for a version before 13.
 */
export function parseControlFile(data: Uint8Array): ControlFile {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 296) throw damaged(`${data.length} bytes are too few`);
  const controlVersion = view.getUint32(8, true);
  if (controlVersion % 65_536 === 0 && controlVersion !== 0) throw unsupported('byte order');
  const floatAt = locateFloatFormat(view);
  if (floatAt === undefined || !hasValidCrc(data, view, floatAt)) throw damaged('its CRC is wrong');
  const catalogVersion = view.getUint32(12, true);
  const postgresMajor = majorOfCatalog(catalogVersion);
  if (controlVersion < 1300 || postgresMajor === undefined) throw unsupported(`version ${controlVersion}`);
  const state = states[view.getUint32(16, true)];
  const segmentSizeBytes = view.getUint32(floatAt + 20, true);
  const minRecoveryEnd = view.getBigUint64(136, true);
  if (state === undefined) throw damaged('its state is unknown');
  if (!isValidSegmentSize(segmentSizeBytes)) throw damaged(`a WAL segment size of ${segmentSizeBytes} bytes`);
  return {
    systemId: view.getBigUint64(0, true),
    controlVersion,
    catalogVersion,
    state,
    checkpointLsn: view.getBigUint64(32, true),
    redoLsn: view.getBigUint64(40, true),
    timeline: view.getUint32(48, true),
    minRecoveryPoint:
      minRecoveryEnd === 0n ? undefined : { timeline: view.getUint32(144, true), lsn: minRecoveryEnd - 1n },
    blockSizeBytes: view.getUint32(floatAt + 8, true),
    relationSegmentBlocks: view.getUint32(floatAt + 12, true),
    walBlockSizeBytes: view.getUint32(floatAt + 16, true),
    geometry: new WalGeometry(segmentSizeBytes),
    dataChecksums: view.getUint32(floatAt + 44, true) !== 0,
    // Behind them are track_commit_timestamp and maxAlign, four bytes each.
    replayMinimums: replayMinimumsAt(view, floatAt - 28),
    postgresMajor,
  };
}

function locateFloatFormat(view: DataView): number | undefined {
  for (let at = 176; at <= 240; at += 8) if (view.getFloat64(at, true) === 1_234_567) return at;
  return undefined;
}

/**
 * True if the CRC is valid. It is the last field and covers everything before: 288 bytes up to 17, 292 in 18. Trying
 * each possible place costs nothing and keeps a later version readable.
 */
function hasValidCrc(data: Uint8Array, view: DataView, floatAt: number): boolean {
  let crc = updateCrc32c(startCrc32c, data, 0, floatAt);
  let covered = floatAt;
  for (let at = floatAt + 80; at <= Math.min(floatAt + 128, data.length - 4); at += 4) {
    crc = updateCrc32c(crc, data, covered, at);
    covered = at;
    if (finishCrc32c(crc) === view.getUint32(at, true)) return true;
  }
  return false;
}

/** Catalogue versions of the releases (catversion.h); a version in between belongs to a beta of the next release. */
const catalogVersions: readonly (readonly [catalogVersion: number, major: number])[] = [
  [202_007_201, 13],
  [202_107_181, 14],
  [202_209_061, 15],
  [202_307_071, 16],
  [202_406_281, 17],
  [202_506_291, 18],
];

function majorOfCatalog(catalogVersion: number): number | undefined {
  if (catalogVersion < 201_909_000) return undefined;
  return catalogVersions.find(([released]) => catalogVersion <= released)?.[1] ?? 19;
}

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `${controlFilePath}: ${what}`);
}

function unsupported(what: string): WalvaultError {
  return new WalvaultError('postgres', `${controlFilePath}: ${what} is not supported`, {
    hint: 'Walvault works with PostgreSQL 13 and later on little-endian machines.',
  });
}
