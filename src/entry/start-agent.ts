/** Starts an agent after a push or fetch that had none, and reports once what prevents it. */
import { readFileSync } from 'node:fs';
import type { AgentAddress } from '../agent/client/address.ts';
import { isNews, problemPath, startAgent } from '../agent/client/start.ts';
import type { Log } from '../observe/events/events.ts';

/** Never changes the result of the work, which is already done. */
export function startAgentOrSayWhy(
  address: AgentAddress,
  { env, log }: { readonly env: NodeJS.ProcessEnv; readonly log: Log },
): void {
  const lastWords = lastWordsOf(address);
  if (lastWords !== undefined && isNews(address, lastWords))
    log.emit({ kind: 'agent-start-failed', lastWords });
  const outcome = startAgent(address, env);
  if (typeof outcome === 'string') return;
  if (isNews(address, outcome.problem))
    log.emit({ kind: 'agent-not-started', problem: outcome.problem, hint: outcome.hint });
}

/** The reason that the last agent left for not starting. The next agent that starts removes it. */
function lastWordsOf(address: AgentAddress): string | undefined {
  try {
    return readFileSync(problemPath(address), 'utf8');
  } catch {
    return undefined;
  }
}
