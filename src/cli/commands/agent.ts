/** `walvault agent`: its help. The command itself runs without the command tree (entry/run-agent.ts). */
import { agentLine } from '../../agent/client/command-lines.ts';
import { defineEntryCommand } from '../entry-command.ts';

const notes = `
Unless agent.mode is "off", push and fetch start one by themselves, and nothing needs to be set up. In the foreground it serves a
supervisor, or a container beside that of PostgreSQL. What it is and what it may do: docs/agent.md.

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
