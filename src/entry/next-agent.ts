/** The start of an agent after a push or fetch that found none. */
import { toPlainError } from '../base/errors/plain-error.ts';
import type { Log } from '../observe/events/events.ts';
import type { Unanswered } from '../agent/client/ask.ts';

/** Starts an agent for the next push or fetch. Never throws, because the work is already done. */
export async function startNextAgent(
  asked: Unanswered | undefined,
  options: { readonly env: NodeJS.ProcessEnv; readonly log: Log },
): Promise<void> {
  if (asked?.address === undefined) return;
  try {
    const { startAgentOrSayWhy } = await import('./start-agent.ts');
    startAgentOrSayWhy(asked.address, options);
  } catch (error) {
    options.log.emit({ kind: 'agent-not-loaded', failure: toPlainError(error) });
  }
}
