/** The interface through which the agent gets segments from the repositories. */
import type { PlainError } from '../../base/errors/plain-error.ts';
import type { FileIdentity } from '../../base/files/identity.ts';
import type { Event } from '../../observe/events/events.ts';
import type { FetchAhead } from '../../workers/jobs/fetch-ahead.ts';

export type AheadAnswer =
  | { readonly kind: 'ready'; readonly events: readonly Event[]; readonly identity: FileIdentity }
  /** No repository has the segment, and none failed. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly failure: PlainError };

export interface AheadFetcher {
  /** Never rejects. */
  fetchAhead(job: FetchAhead, signal: AbortSignal): Promise<AheadAnswer>;
}
