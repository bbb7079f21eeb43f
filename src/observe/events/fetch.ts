/** Events of `fetch`. `file` is the name that PostgreSQL asked for. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type FetchEvent =
  /** The file is verified, durable, and has the name that PostgreSQL gave. */
  | { readonly kind: 'file-delivered'; readonly file: string; readonly repository: string }
  | { readonly kind: 'file-absent'; readonly file: string }
  /** It may belong to another branch of history than the recovery follows. */
  | {
      readonly kind: 'file-not-served';
      readonly file: string;
      readonly problem: string;
      readonly hint: string;
    }
  /** PostgreSQL goes on without this history, whose number stays taken. */
  | {
      readonly kind: 'history-unusable';
      readonly file: string;
      readonly timeline: number;
      readonly problem: string;
      readonly hint: string;
    }
  /** A gap that this recovery may take for the end of the archive. */
  | { readonly kind: 'gap-tolerated'; readonly failure: PlainError }
  /** Somebody accepted the loss of this WAL: the recovery may end before it. */
  | {
      readonly kind: 'acknowledged-gap-passed';
      readonly file: string;
      readonly repository: string;
      readonly user: string;
      readonly host: string;
      readonly reason: string;
      readonly acknowledgedAt: string;
    }
  /** Another repository had to give the file, or none did. */
  | { readonly kind: 'repository-failed'; readonly failure: PlainError }
  | { readonly kind: 'best-effort-failed'; readonly repository: string; readonly failure: PlainError };
