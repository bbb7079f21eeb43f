/** Levels and sentences of the agent's events. */
import type { AgentEvent } from '../events/agent.ts';
import { debug, info, warn, type WordsTable } from './table.ts';

export const agentWords: WordsTable<AgentEvent> = {
  'agent-listening': ({ dataDirectory, socketPath }) =>
    info(`agent for ${dataDirectory}, listening at ${socketPath}`),
  'agent-ended': ({ reason }) => info(`agent ends: ${reason}`),
  'prefetch-failed': ({ failure }) => warn(`prefetch: ${failure.message}`),
  'look-ahead-failed': ({ failure }) => warn(`look ahead: ${failure.message}`),
  'marking-failed': ({ failure }) => warn(`archive_status: ${failure.message}`),
  'agent-unanswering': ({ verb, detail }) =>
    warn(`the agent did not answer (${detail}): this ${verb} works without it`),
  'agent-start-failed': ({ lastWords }) =>
    warn(`the agent could not start: ${lastWords}`, 'Pushes and fetches go on without it.'),
  'agent-not-started': ({ problem, hint }) =>
    warn(`no agent: ${problem}; pushes and fetches go on without it`, hint),
  'agent-not-loaded': ({ failure }) => warn(`no agent: ${failure.message}`),
  'orphaned-prefetch-left': ({ failure }) => debug(`prefetch: ${failure.message}`),
};
