/** The options and the result of `walvault gap ack`. */
import type { Log } from '../../observe/events/events.ts';
import type { NamedRange } from '../../postgres/wal/segment-range.ts';
import type { Acknowledgement } from '../../repository/format/notes/gap-acknowledged.ts';
import type { Repository } from '../../repository/repository.ts';

export interface GapSelection {
  readonly timeline: number | undefined;
  /** Names of segments. The first one alone stands for the whole gap that it lies in. */
  readonly first: string | undefined;
  readonly last: string | undefined;
}

export interface AcknowledgeOptions extends GapSelection {
  readonly repositories: readonly Repository[];
  readonly cluster: string;
  /** Needed only where several systems of the cluster have such a gap. */
  readonly systemId: bigint | undefined;
  readonly by: Acknowledgement;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface AcknowledgedIn extends NamedRange {
  readonly repository: string;
  readonly systemId: bigint;
  readonly timeline: number;
  /** False: it was acknowledged before. */
  readonly isNew: boolean;
}
