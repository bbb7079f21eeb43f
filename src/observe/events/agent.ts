/** Events of the agent, and of what push and fetch have to do with it. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type AgentEvent =
  | { readonly kind: 'agent-listening'; readonly dataDirectory: string; readonly socketPath: string }
  | { readonly kind: 'agent-ended'; readonly reason: string }
  | { readonly kind: 'prefetch-failed'; readonly failure: PlainError }
  | { readonly kind: 'look-ahead-failed'; readonly failure: PlainError }
  /** Segments that were sent ahead could not be marked as archived. */
  | { readonly kind: 'marking-failed'; readonly failure: PlainError }
  /** The verb works without it. */
  | { readonly kind: 'agent-unanswering'; readonly verb: 'push' | 'fetch'; readonly detail: string }
  /** The last words of an agent that a push or fetch had started. */
  | { readonly kind: 'agent-start-failed'; readonly lastWords: string }
  | { readonly kind: 'agent-not-started'; readonly problem: string; readonly hint?: string | undefined }
  | { readonly kind: 'agent-not-loaded'; readonly failure: PlainError }
  | { readonly kind: 'orphaned-prefetch-left'; readonly failure: PlainError };
