/** What a part is made with, and what it comes to. */
import type { HighwayKey } from '../../../base/checksum/highway-hash.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { SuspectPage } from '../../damaged-pages.ts';
import type { CopiedEntry, MemberDigests, PartMember } from './backup-entry.ts';
import type { PageCheckSettings } from './page-check.ts';
import type { AuditRules, MissedPage } from './part-task.ts';
import type { OpenFile, ReadableFile } from './read-file.ts';
import type { TarBuffer } from './tar-buffer.ts';

/** A step that the processor's cache holds; a multiple of every page size that PostgreSQL can be built with. */
export const stepBytes = 256 * 1024;

export interface PartOptions {
  readonly open: OpenFile;
  readonly buffer: TarBuffer;
  readonly blockSizeBytes: number;
  /** RELSEG_SIZE: blocks in one file of a relation. */
  readonly relationSegmentBlocks: number;
  /** Undefined: pages are not checked. */
  readonly pages: PageCheckSettings | undefined;
  /** Whether PostgreSQL's manifest needs the CRC-32C of each file. */
  readonly withCrc32c: boolean;
  /** The key of page digests; undefined: none are made. */
  readonly digestKey: HighwayKey | undefined;
  /** Undefined: pages that WAL summaries do not name are not read. */
  readonly audit?: AuditRules | undefined;
  /** Owner and group in the tar: those of the data directory, in case root unpacks it by hand. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Returns when so many bytes may be read. */
  readonly mayRead: (sizeBytes: number) => Promise<void> | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The content of a part; complete when its stream has ended. */
export interface PartContent {
  readonly copied: CopiedEntry[];
  readonly suspects: SuspectPage[];
  readonly digests: MemberDigests[];
  /** What an audit of WAL summaries found. */
  readonly missed: { count: number; readonly first: MissedPage[] };
}

export function emptyContent(): PartContent {
  return { copied: [], suspects: [], digests: [], missed: { count: 0, first: [] } };
}

/** A member that is being copied. */
export interface OpenMember {
  /** The index among the members. */
  readonly index: number;
  readonly member: PartMember;
  readonly file: ReadableFile;
}
