/** `walvault restore-point`: options and output. */
import { thisPerson } from '../options/person.ts';
import { chooseRepositories } from '../options/repository-choice.ts';
import { renderJson } from '../render/json.ts';
import { renderRestorePoint, restorePointResultJson } from '../render/restore-point.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface RestorePointCliOptions {
  readonly allowDuplicate?: boolean;
  readonly repository?: string;
  readonly json?: boolean;
}

export const defineRestorePoint: DefineVerb = (program, run) => {
  program
    .command('restore-point')
    .description('make a restore point on the server, and note it in the repositories')
    .argument('<name>', 'at most 63 bytes')
    .option('--allow-duplicate', 'also if a noted restore point has this name')
    .option('--repository <name>', 'note it only in this repository')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (name: string, options: RestorePointCliOptions) => {
      await run(async invocation => await make(name, options, invocation));
    });
};

async function make(
  name: string,
  { allowDuplicate = false, repository, json }: RestorePointCliOptions,
  { context, log, loadConfig, tell }: Invocation,
): Promise<void> {
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { failureOfSome } = await import('../../operations/backup-places.ts');
  const { makeRestorePoint } = await import('../../operations/restore-point/restore-point.ts');
  const { config } = await loadConfig();
  await using opened = await openRepositories(config, log);
  const result = await makeRestorePoint({
    config,
    repositories: chooseRepositories(opened.repositories, repository),
    name,
    allowsDuplicate: allowDuplicate,
    by: thisPerson(),
    env: context.env,
    signal: context.signal,
  });
  tell(
    json === true ? renderJson(restorePointResultJson(result)) : rendered(renderRestorePoint, result),
    json,
  );
  const failure = failureOfSome('restore-point: it is made, but not noted', result.failures);
  if (failure !== undefined) throw failure;
}

const notes = `
Calls pg_create_restore_point() on the primary, before a migration for example: "walvault restore --target-name NAME" stops there
once its WAL is archived. "walvault list restore-points" shows it and whether a restore can still stop at it.

Example:
  walvault restore-point before-migration-42
`;
