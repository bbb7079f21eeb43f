/** `walvault conflict keep`: options and output. */
import type { DefineVerb } from '../verb.ts';
import { rendered } from '../render/result-text.ts';

export const defineConflict: DefineVerb = (program, run) => {
  const conflict = program
    .command('conflict')
    .description('deal with a WAL file that differs from the archived one');
  conflict
    .command('keep')
    .description('store the file beside the archived one, so that archiving can go on')
    .argument('<path>', 'the file that push refuses, usually pg_wal/NAME')
    .addHelpText('after', notes)
    .action(async (path: string) => {
      await run(async ({ context, log, loadConfig, tell }) => {
        const { openRepositories } = await import('../../compose/open-repositories.ts');
        const { push } = await import('../../operations/push/push.ts');
        const { pushSettings } = await import('../../operations/push/settings.ts');
        const { config } = await loadConfig();
        await using opened = await openRepositories(config, log);
        const { repositories } = opened;
        const { file } = await push({
          ...pushSettings(config),
          path,
          repositories,
          asConflict: true,
          log,
          signal: context.signal,
        });
        tell(rendered(({ name }) => `${name} is kept beside the archived file of that name\n`, file));
      });
    });
};

const notes = `
The archived file stays as it is, and fetch returns it. First find out why there are two files: two servers on one
timeline, or a restored copy that archives into the repository of its origin, will make more conflicts.

Example:
  cd /var/lib/postgresql/15/main && walvault conflict keep pg_wal/000000010000000000000005
`;
