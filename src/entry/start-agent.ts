/** After a push or fetch that had no agent: starts one for the next, and says what prevents it, once. */
import { readFileSync } from 'node:fs';
import type { AgentAddress } from '../agent/client/address.ts';
import { isNews, problemPath, startAgent } from '../agent/client/start.ts';
import type { Log } from '../observe/events/events.ts';

/** The work has been done already: nothing that happens here may change that. */
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

/** What the last one that could not start had to say. The next that can removes it. */
function lastWordsOf(address: AgentAddress): string | undefined {
  try {
    return readFileSync(problemPath(address), 'utf8');
  } catch {
    return undefined;
  }
}
