/** The options of a fetch: the file, the recovery that needs it, and the repositories. */
import type { Log } from '../../observe/events/events.ts';
import type { Reached } from '../../postgres/cluster/control-file.ts';
import type { RecoveryMode } from '../../postgres/cluster/signal-files.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';

export interface FetchOptions {
  /** The value of `%f`. */
  readonly name: string;
  /** The value of `%p`, relative to the working directory. */
  readonly destination: string;
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
  readonly mode: RecoveryMode;
  /** The places that the asking server has reached, by its `pg_control`. */
  readonly reached: readonly Reached[];
  /** The timeline that the recovery follows, if restore wrote it into restore_command. */
  readonly timeline: number | undefined;
  /** The recovery has a target: PostgreSQL itself refuses to end before it, so fetch may exit 1 for a hole. */
  readonly isTargetSet: boolean;
  /** In the order in which fetch asks them. */
  readonly repositories: readonly Repository[];
  readonly headerCheck: boolean;
  readonly timeoutMs: number;
  readonly standbyTimeoutMs: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}
