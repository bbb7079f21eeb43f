/** The options of a verification, and its result. `docs/reference/json.md` publishes the result's shape. */
import type { WalvaultError } from '../../base/errors/errors.ts';
import type { Log } from '../../observe/events/events.ts';
import type { ReadDepth } from '../../repository/format/notes/verified.ts';
import type { Repository } from '../../repository/repository.ts';
import type { DataReader } from './data-reader.ts';
import type { Finding } from './finding.ts';

export interface VerifyOptions {
  /** The repositories to verify. */
  readonly repositories: readonly Repository[];
  /** All configured ones: `isRepairing` copies from them. */
  readonly all: readonly Repository[];
  readonly cluster: string;
  /** Undefined: all systems of the cluster. */
  readonly systemId: bigint | undefined;
  /** Undefined: no data is read, only listings and small records. */
  readonly data: DataOptions | undefined;
  readonly isRepairing: boolean;
  readonly now: Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface DataOptions {
  readonly reader: DataReader;
  /** At most this share of all segments, and of all parts; undefined: all that is due. */
  readonly percent: number | undefined;
  /** What was read later than this long ago is not read again. */
  readonly againAfterMs: number;
}

export interface DataSummary {
  /** `stored`: content was not decoded, because this host has no key for it. */
  readonly depth: ReadDepth;
  readonly segmentCount: number;
  readonly partCount: number;
  readonly storedBytes: number;
  readonly coldCount: number;
  readonly omittedCount: number;
}

export interface VerifiedSystem {
  readonly systemId: bigint;
  readonly findings: readonly Finding[];
  /** Undefined: no data was read. */
  readonly data: DataSummary | undefined;
}

export interface VerifiedRepository {
  readonly name: string;
  /** Why it could not be verified to its end. */
  readonly problem: WalvaultError | undefined;
  /** About the repository as a whole. */
  readonly findings: readonly Finding[];
  readonly systems: readonly VerifiedSystem[];
}
