/** The help of `walvault agent`; the command itself runs without the command tree (entry/run-agent.ts). */
import { agentLine } from '../../agent/client/command-lines.ts';
import { defineEntryCommand } from '../entry-command.ts';

const notes = `
Unless agent.mode is "off", push and fetch start an agent by themselves, and nothing needs to be set up. Run one in the
foreground under a supervisor, or in a container beside PostgreSQL's. docs/agent.md says what it does and promises.

Examples:
  walvault agent --data-directory /var/lib/postgresql/15/main
  walvault agent status
  walvault agent stop
`;

export const defineAgent = defineEntryCommand(
  agentLine,
  notes,
  async () => (await import('../../entry/run-agent.ts')).runAgent,
);
