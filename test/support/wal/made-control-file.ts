/**
 * A `global/pg_control` of PostgreSQL 19, made up by its pg_control.h: no package of it can be installed here. 19 has a longer
 * checkpoint (a flag, and an offset of 64 bits), the length of an SLRU segment before the WAL block size, and the
 * state of checksums twice, as it is and as initdb made it.
 */
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../src/base/checksum/crc32c.ts';

export interface MadeControlFile {
  readonly controlVersion?: number;
  readonly catalogVersion?: number;
  readonly blockSizeBytes?: number;
  readonly relationSegmentBlocks?: number;
  readonly walBlockSizeBytes?: number;
  readonly segmentSizeBytes?: number;
  /** ChecksumStateType, as a number. */
  readonly dataChecksums?: number;
  readonly minRecoveryPoint?: { readonly lsn: bigint; readonly timeline: number };
  /** True: the layout of 18. */
  readonly isBefore19?: boolean;
}

export const madeSystemId = 7_719_000_000_000_000_019n;
const checkpointLsn = 0x1_2345_6788n;

export function makeControlFile(made: MadeControlFile = {}): Buffer {
  const isSince19 = made.isBefore19 !== true;
  const file = Buffer.alloc(8192);
  let at = 0;
  const align = (sizeBytes: number) => (at = Math.ceil(at / sizeBytes) * sizeBytes);
  const flag = (value: boolean) => void (file[at++] = value ? 1 : 0);
  const word = (value: number) => void (at = file.writeUInt32LE(value, align(4)));
  const long = (value: bigint) => void (at = file.writeBigUInt64LE(value, align(8)));
  const checkpoint = (): void => {
    long(checkpointLsn); // redo
    word(3); // ThisTimeLineID
    word(2); // PrevTimeLineID
    flag(true); // fullPageWrites
    word(1); // wal_level
    if (isSince19) flag(false); // logicalDecodingEnabled
    long(753n); // nextXid
    word(16_384); // nextOid
    word(1); // nextMulti
    if (isSince19) long(1n);
    else word(0); // nextMultiOffset
    for (const oldest of [731, 1, 1, 1]) word(oldest);
    long(1_790_000_000n); // time
    for (const transaction of [0, 0, 0]) word(transaction);
    align(8);
  };
  long(madeSystemId);
  word(made.controlVersion ?? (isSince19 ? 1905 : 1800));
  word(made.catalogVersion ?? (isSince19 ? 202_609_161 : 202_506_291));
  word(6); // DB_IN_PRODUCTION
  long(1_790_000_001n); // time
  long(checkpointLsn);
  checkpoint();
  long(1000n); // unloggedLSN
  long(made.minRecoveryPoint?.lsn ?? 0n);
  word(made.minRecoveryPoint?.timeline ?? 0);
  long(0n); // backupStartPoint
  long(0n); // backupEndPoint
  flag(false); // backupEndRequired
  word(1); // wal_level
  flag(false); // wal_log_hints
  for (const minimum of [101, 9, 11, 1, 65]) word(minimum);
  flag(false); // track_commit_timestamp
  word(8); // maxAlign
  at = file.writeDoubleLE(1_234_567, align(8));
  word(made.blockSizeBytes ?? 8192);
  word(made.relationSegmentBlocks ?? 131_072);
  if (isSince19) word(32); // slru_pages_per_segment
  word(made.walBlockSizeBytes ?? 8192);
  word(made.segmentSizeBytes ?? 16 * 1024 ** 2);
  for (const size of [64, 32, 1996, 2048]) word(size); // names, keys of an index, TOAST, large objects
  flag(true); // float8ByVal
  word(made.dataChecksums ?? 1);
  if (isSince19) word(0); // data_checksum_version_init
  flag(true); // default_char_signedness
  at += 32; // mock_authentication_nonce
  word(finishCrc32c(updateCrc32c(startCrc32c, file, 0, align(4))));
  return file;
}
