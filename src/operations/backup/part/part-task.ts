/** The task of writing one part, and its result: plain data, because another thread may do it. */
import type { PlainError } from '../../../base/errors/plain-error.ts';
import type { Digest } from '../../../pipeline/digest.ts';
import type { Lsn } from '../../../postgres/wal/lsn.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import type { DestinationTerms } from '../../../repository/sets/destinations.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { CopiedEntry, MemberDigests, PartMember } from './backup-entry.ts';
import type { SuspectPage } from '../../damaged-pages.ts';
import type { PageCheckSettings } from './page-check.ts';

/** What all parts of a backup have in common. */
export interface PartRules {
  readonly blockSizeBytes: number;
  /** RELSEG_SIZE: blocks in one file of a relation. */
  readonly relationSegmentBlocks: number;
  /** Undefined: pages are not checked. */
  readonly pages: PageCheckSettings | undefined;
  /** Whether PostgreSQL's manifest needs the CRC-32C of each file. */
  readonly withCrc32c: boolean;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** The system whose page digests are made, with the host's secret; undefined: none are made. */
  readonly digestsOf: SystemPath | undefined;
  /** Undefined: pages that WAL summaries do not name are not read. */
  readonly audit: AuditRules | undefined;
  /** The most bytes that this part may read from the data directory in a second. */
  readonly bytesPerSecond: number | undefined;
}

/** What tells a page that WAL summaries had to name from others. */
export interface AuditRules {
  /** The starts of the parent and of this backup. */
  readonly fromLsn: Lsn;
  readonly toLsn: Lsn;
  /** Whether any page that differs from the parent's is in WAL since then, hint bits included. */
  readonly logsEveryChange: boolean;
}

/** A changed page that WAL summaries had to name, and did not. */
export interface MissedPage {
  /** The relation file. */
  readonly path: string;
  readonly page: number;
  readonly lsn: Lsn;
}

export interface MissedPages {
  readonly count: number;
  /** Some of them, the first ones of each part. */
  readonly first: readonly MissedPage[];
}

export interface PartTask extends PartRules {
  readonly key: string;
  readonly members: readonly PartMember[];
  readonly destinations: DestinationTerms;
}

/** The question whether a part of an earlier attempt is what the server has now. */
export interface ProofTask extends PartRules {
  readonly members: readonly PartMember[];
  /** The digest of each member in the part; undefined for a directory. */
  readonly sha256: readonly (string | undefined)[];
}

/** What was read of the members of a part. */
export interface ProvenPart {
  readonly copied: readonly CopiedEntry[];
  readonly suspects: readonly SuspectPage[];
  readonly missed: MissedPages;
}

export interface WrittenPart extends ProvenPart {
  readonly stored: Digest;
  readonly plainSizeBytes: number;
  readonly digests: readonly MemberDigests[];
  /** Repositories that failed and need not be reached. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  readonly name: string;
  readonly failure: PlainError;
}

export interface PartRun {
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Told now and then how many bytes of the plain tar are done. */
  readonly onBytes: (doneBytes: number) => void;
}

/** Writes and proves parts: in this process, or in threads of it. */
export interface PartWriter {
  /** How many parts it writes side by side. */
  readonly jobs: number;
  /** Parts follow soon: gets ready, and does not wait for it. */
  prepare?(): void;
  /** @throws WalvaultError when a repository that must be reached does not have the part, or a file cannot be read */
  write(task: PartTask, run: PartRun): Promise<WrittenPart>;
  /** Undefined if any member is not as it was. @throws WalvaultError when a file cannot be read */
  prove(task: ProofTask, run: PartRun): Promise<ProvenPart | undefined>;
  /** No part follows soon: gives memory back. */
  release?(): Promise<void>;
}
