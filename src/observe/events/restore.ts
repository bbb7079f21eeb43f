/** Events of `restore`. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type RestoreEvent =
  /** Its archived history cannot be read. */
  | {
      readonly kind: 'timeline-left-out';
      readonly timeline: number;
      readonly problem: string;
      readonly hint: string;
    }
  | { readonly kind: 'repository-passed-over'; readonly repository: string; readonly failure: PlainError }
  | { readonly kind: 'backup-left-out'; readonly backup: string; readonly problem: string }
  /** WAL beyond is missing, and somebody accepted its loss. */
  | {
      readonly kind: 'restore-ends-at-gap';
      readonly firstSegment: string;
      readonly lastSegment: string;
      readonly user: string;
      readonly host: string;
      readonly reason: string;
      readonly acknowledgedAt: string;
    }
  | { readonly kind: 'backup-unproven'; readonly backup: string; readonly problem: string }
  /** The plan of a dry run that could not be carried out here. */
  | { readonly kind: 'private-key-needed'; readonly failure: PlainError }
  | { readonly kind: 'commit-searched'; readonly segmentCount: number }
  | {
      readonly kind: 'restore-started';
      readonly backup: string;
      readonly sizeBytes: number;
      readonly dataDirectory: string;
    }
  /** `sizeBytes`: of the files that are restored. */
  | { readonly kind: 'databases-left-out'; readonly count: number; readonly sizeBytes: number }
  /** A server that nobody can connect to recovers the copy. */
  | { readonly kind: 'placeholders-recovering'; readonly dataDirectory: string }
  /** Nobody can connect to them from now on. */
  | {
      readonly kind: 'placeholders-closed';
      readonly count: number;
      /** How often WAL changed a page that they do not have. */
      readonly ignoredPages: number;
      readonly removedPrepared: number;
      readonly removedSubscriptions: number;
    }
  /** No note that would keep a cleanup from removing what is being read could be written. */
  | { readonly kind: 'restore-not-held'; readonly repository: string; readonly failure: PlainError }
  /** The note is not signed, where one must be. */
  | { readonly kind: 'restore-held-briefly'; readonly repository: string }
  | { readonly kind: 'restore-undone' }
  | {
      readonly kind: 'restore-not-undone';
      readonly directories: readonly string[];
      readonly failure: PlainError;
    }
  /** The WAL of a directory that is restored again, with the directory it was in. */
  | { readonly kind: 'wal-moved-aside'; readonly walDirectory: string }
  /** Whole segments and histories in it that the archive lacks, the first 100, and the segment that was being written. */
  | {
      readonly kind: 'wal-not-archived';
      readonly walDirectory: string;
      readonly files: readonly string[];
      readonly fileCount: number;
      readonly unfinished?: string;
    }
  /** The digests of pages cannot be used; files are compared by others, or written. */
  | { readonly kind: 'page-digests-passed-over'; readonly failure: PlainError }
  | {
      readonly kind: 'delta-compared';
      readonly sameFiles: number;
      readonly sameBytes: number;
      readonly differingFiles: number;
      /** Files, links and trees of directories that the backup does not have. */
      readonly removed: number;
    }
  | { readonly kind: 'delta-restore-unfinished'; readonly dataDirectory: string }
  | { readonly kind: 'restored-server-started'; readonly dataDirectory: string }
  /** One of the last lines in its log, of a server that ended too early. */
  | { readonly kind: 'restored-server-said'; readonly line: string }
  /** The wait for its target was interrupted. */
  | { readonly kind: 'restored-server-left'; readonly dataDirectory: string }
  | { readonly kind: 'environment-needed'; readonly variables: readonly string[] };
