import type { DefineVerb } from '../verb.ts';

/** The process edge runs the agent without the command tree; this is its help, and the same thing for whoever comes here. */
export const defineAgent: DefineVerb = (program, run) => {
  program
    .command('agent')
    .description('the resident helper of push and fetch: run it in the foreground, look at it, stop it')
    .argument('[what]', 'status or stop; without it the agent runs until it is ended')
    .option('-D, --data-directory <path>', 'the cluster (default: the working directory, or data-directory)')
    .addHelpText('after', notes)
    .action(async () => {
      await run(async ({ argv, context }) => {
        const { runAgent } = await import('../../entry/run-agent.ts');
        return await runAgent(argv, context);
      });
    });
};

const notes = `
Unless agent.mode is "off", push and fetch start one by themselves, and nothing needs to be set up. In the foreground it serves a
supervisor, or a container beside that of PostgreSQL. What it is and what it may do: docs/agent.md.

Examples:
  walvault agent --data-directory /var/lib/postgresql/15/main
  walvault agent status
  walvault agent stop
`;
