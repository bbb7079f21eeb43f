/** Events of `push` and `push --missing`. `file` is a name in `pg_wal`. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type PushEvent =
  | FileArchived
  | { readonly kind: 'page-magic-unknown'; readonly file: string; readonly pageMagic: string }
  /** The file is no timeline history. It is archived as it is: a refusal would end all archiving. */
  | {
      readonly kind: 'history-not-understood';
      readonly file: string;
      readonly timeline: number;
      readonly failure: PlainError;
    }
  /** The file stands in `pg_wal` for an archived history that cannot be read; fetch made it. */
  | { readonly kind: 'placeholder-not-archived'; readonly file: string }
  | { readonly kind: 'creation-not-atomic'; readonly repository: string }
  /** The repository had another content of this name. */
  | { readonly kind: 'content-kept-beside'; readonly file: string; readonly repository: string }
  | {
      readonly kind: 'repository-lacks-file';
      readonly file: string;
      readonly repository: string;
      readonly required: boolean;
      readonly failure: PlainError;
    }
  | { readonly kind: 'missing-file-sent'; readonly file: string }
  | { readonly kind: 'missing-file-not-sent'; readonly file: string; readonly failure: PlainError }
  | SegmentGivenUp
  | { readonly kind: 'giving-up-not-recorded'; readonly file: string; readonly failure: PlainError }
  | { readonly kind: 'losses-not-delivered'; readonly failure: PlainError };

/** The file is durable in every required repository. */
interface FileArchived {
  readonly kind: 'file-archived';
  readonly file: string;
  /** Names of the repositories that have the file. */
  readonly repositories: readonly string[];
}

/** `archive.queue-limit` had its way: PostgreSQL may recycle a segment that no required repository has. */
interface SegmentGivenUp {
  readonly kind: 'segment-given-up';
  readonly file: string;
  /** How many wait to be archived. */
  readonly segmentCount: number;
  readonly backlogBytes: number;
  readonly limitBytes: number;
  readonly reason: string;
}
