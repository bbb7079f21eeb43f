/** What a fetch is asked for: the file, the recovery that wants it, and the repositories. */
import type { Log } from '../../observe/events/events.ts';
import type { Reached } from '../../postgres/cluster/control-file.ts';
import type { RecoveryMode } from '../../postgres/cluster/signal-files.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';

export interface FetchOptions {
  /** `%f`. */
  readonly name: string;
  /** `%p`, relative to the working directory. */
  readonly destination: string;
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
  readonly mode: RecoveryMode;
  /** Where the server that asks has been, by its `pg_control`. */
  readonly reached: readonly Reached[];
  /** The timeline that the recovery follows, where restore has written it into restore_command. */
  readonly timeline: number | undefined;
  /** The recovery has a target: PostgreSQL itself refuses to end before it, so a hole may be answered with 1. */
  readonly isTargetSet: boolean;
  /** The first is asked first. */
  readonly repositories: readonly Repository[];
  readonly headerCheck: boolean;
  readonly timeoutMs: number;
  readonly standbyTimeoutMs: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}
