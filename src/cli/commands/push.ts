import type { DefineVerb } from '../verb.ts';

/** The process edge runs push without the command tree; this is its help, and the same thing for whoever comes here. */
export const definePush: DefineVerb = (program, run) => {
  program
    .command('push')
    .description('archive one WAL file (archive_command)')
    .argument('[path]', 'the file, as PostgreSQL gives it in %p')
    .option('--missing', 'send every finished file in pg_wal that the archive lacks, as after a failover')
    .addHelpText('after', notes)
    .action(async () => {
      await run(async ({ argv, context }) => {
        const { runPush } = await import('../../entry/run-push.ts');
        return await runPush(argv, context);
      });
    });
};

const notes = `
Returns 0 only when the file is durable in every required repository. A file that is archived already with the same
content is a success, with other content an error: nothing archived is ever replaced.

The one exception is off by default: with archive.queue-limit set, a segment that cannot be archived while more WAL than
that waits is given up. Its loss is recorded, an error names it, and 0 lets the server go on (docs/queue-limit.md).

Examples:
  archive_command = 'walvault push %p'          # postgresql.conf
  cd /var/lib/postgresql/15/main && walvault push --missing
`;
