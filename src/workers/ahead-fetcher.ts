/** Who gets segments from the repositories for the agent. */
import type { FileIdentity } from '../base/files/identity.ts';
import type { LogEvent } from '../base/log.ts';
import type { Failure } from '../agent/client/protocol.ts';

export interface AheadJob {
  readonly name: string;
  /** Absolute; it is there, whole, verified and durable, or not at all. */
  readonly destination: string;
  readonly systemId: bigint;
  readonly segmentSizeBytes: number;
  /** Longest time in which nothing arrives: whoever asks meanwhile waits for it. */
  readonly silenceMs: number;
}

export type AheadAnswer =
  | { readonly kind: 'ready'; readonly events: readonly LogEvent[]; readonly identity: FileIdentity }
  /** No repository gave it, and none failed. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly events: readonly LogEvent[]; readonly failure: Failure };

export interface AheadFetcher {
  /** Never rejects. */
  fetchAhead(job: AheadJob, signal: AbortSignal): Promise<AheadAnswer>;
}
