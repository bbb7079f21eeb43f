import { messageOf } from '../base/errors/errors.ts';
import { warn, type Log } from '../base/log.ts';
import type { Unanswered } from '../agent/client/ask.ts';

/**
 * Starts an agent for the next push or fetch, where this one found none. Whatever happens here, the work is done: it
 * never throws.
 */
export async function startNextAgent(
  asked: Unanswered | undefined,
  options: { readonly env: NodeJS.ProcessEnv; readonly log: Log },
): Promise<void> {
  if (asked?.address === undefined) return;
  try {
    const { startAgentOrSayWhy } = await import('./start-agent.ts');
    startAgentOrSayWhy(asked.address, options);
  } catch (error) {
    warn(options.log, `no agent: ${messageOf(error)}`);
  }
}
