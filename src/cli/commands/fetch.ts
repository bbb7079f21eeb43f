import type { DefineVerb } from '../verb.ts';

/** The process edge runs fetch without the command tree; this is its help, and the same thing for whoever comes here. */
export const defineFetch: DefineVerb = (program, run) => {
  program
    .command('fetch')
    .description('get one WAL file from the archive (restore_command)')
    .argument('<name>', 'its name, as PostgreSQL gives it in %f')
    .argument('<destination>', 'where to put it, as PostgreSQL gives it in %p')
    .option('--timeline <n>', 'the timeline that the recovery follows; restore writes it')
    .option(
      '--target-set',
      'the recovery has a target, so PostgreSQL itself notices if the archive ends before it',
    )
    .option('--system-id <n>', 'system identifier, where there is no data directory to take it from')
    .addHelpText('after', notes)
    .action(async () => {
      await run(async ({ argv, context }) => {
        const { runFetch } = await import('../../entry/run-fetch.ts');
        return await runFetch(argv, context);
      });
    });
};

const notes = `
Returns 0 when the file is there, whole and verified, and 1 only when the archive surely does not have it. Everything
else stops a recovery instead of ending it early.

Examples:
  restore_command = 'exec walvault fetch %f "%p"'    # postgresql.conf of a standby
  walvault fetch 000000010000000000000005 /tmp/segment --system-id 7300000000000000001
`;
