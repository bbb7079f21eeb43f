/** The file `global/pg_control` (ControlFileData in pg_control.h), read while its server runs or not. */
import { fileBounds } from '../../base/bounds.ts';
import { join } from 'node:path';
import { sleep } from '../../base/time/wait.ts';
import { monotonicMs } from '../../base/time/clock.ts';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { readWhole, readWholeNow } from '../../base/files/read.ts';
import { WalGeometry } from '../wal/geometry.ts';
import type { Lsn } from '../wal/lsn.ts';
import { isValidBlockSize } from '../wal/page-header.ts';
import { replayMinimumsAt, type ReplayMinimums } from '../wal/replay-minimums.ts';
import { layoutOf } from './control-file-layout.ts';

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
  dataChecksums: DataChecksums;
  /** The settings that replay needs at least as large, as the server had them. */
  replayMinimums: ReplayMinimums;
  postgresMajor: number;
}

export type ClusterState =
  | 'starting-up' | 'shut-down' | 'shut-down-in-recovery' | 'shutting-down' | 'in-crash-recovery' | 'in-archive-recovery' | 'in-production'; // prettier-ignore

/**
 * Whether pages have checksums, in the words of the setting `data_checksums`. A server of 19's betas could turn them on and off
 * while it ran: in between pages get checksums that nobody may rely on.
 */
export type DataChecksums = 'off' | 'on' | 'inprogress-off' | 'inprogress-on';

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

/** States in the order of enum ChecksumStateType (checksum.h). */
const checksumStates: readonly DataChecksums[] = ['off', 'on', 'inprogress-off', 'inprogress-on'];

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
 * @throws WalvaultError `damaged` on a bad CRC or an impossible size, `postgres` for a version before 13 or a layout that
 *   is not known
 */
export function parseControlFile(data: Uint8Array): ControlFile {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 296) throw damaged(`${data.length} bytes are too few`);
  const controlVersion = view.getUint32(8, true);
  if (controlVersion % 65_536 === 0 && controlVersion !== 0) throw unsupported('byte order');
  const layout = layoutOf(data);
  if (layout === 'damaged') throw damaged('its CRC is wrong');
  const catalogVersion = view.getUint32(12, true);
  const postgresMajor = majorOf(controlVersion, catalogVersion);
  if (postgresMajor === undefined) throw unsupported(`version ${controlVersion}`);
  if (layout === 'unknown') throw unknownLayout(controlVersion);
  const state = states[view.getUint32(16, true)];
  const segmentSizeBytes = view.getUint32(layout.segmentSizeAt, true);
  const minRecoveryEnd = view.getBigUint64(layout.minRecoveryPointAt, true);
  const dataChecksums = checksumStates[view.getUint32(layout.dataChecksumsAt, true)];
  if (state === undefined) throw damaged('its state is unknown');
  const blockSizeBytes = view.getUint32(layout.blockSizeAt, true);
  if (!isValidBlockSize(blockSizeBytes)) throw damaged(`a block size of ${blockSizeBytes} bytes`);
  return {
    systemId: view.getBigUint64(0, true),
    controlVersion,
    catalogVersion,
    state,
    checkpointLsn: view.getBigUint64(32, true),
    redoLsn: view.getBigUint64(40, true),
    timeline: view.getUint32(48, true),
    minRecoveryPoint:
      minRecoveryEnd === 0n
        ? undefined
        : { timeline: view.getUint32(layout.minRecoveryPointAt + 8, true), lsn: minRecoveryEnd - 1n },
    blockSizeBytes,
    relationSegmentBlocks: view.getUint32(layout.relationSegmentBlocksAt, true),
    walBlockSizeBytes: view.getUint32(layout.walBlockSizeAt, true),
    geometry: new WalGeometry(segmentSizeBytes),
    dataChecksums: dataChecksums ?? 'off',
    replayMinimums: replayMinimumsAt(view, layout.replayMinimumsAt),
    postgresMajor,
  };
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

/** PG_CONTROL_VERSION has the major version in it, but 14 to 16 kept the one of 13. */
function majorOf(controlVersion: number, catalogVersion: number): number | undefined {
  if (controlVersion < 1300 || catalogVersion < 201_909_000) return undefined;
  const released = catalogVersions.find(([released]) => catalogVersion <= released)?.[1];
  return released ?? Math.max(19, Math.floor(controlVersion / 100));
}

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `${controlFilePath}: ${what}`);
}

function unknownLayout(controlVersion: number): WalvaultError {
  return new WalvaultError(
    'postgres',
    `${controlFilePath}: the layout of version ${controlVersion} is not known`,
    {
      hint: 'It is of a later PostgreSQL than this walvault knows, or of a fork of it: install a later walvault.',
    },
  );
}

function unsupported(what: string): WalvaultError {
  return new WalvaultError('postgres', `${controlFilePath}: ${what} is not supported`, {
    hint: 'Walvault works with PostgreSQL 13 and later on little-endian machines.',
  });
}
