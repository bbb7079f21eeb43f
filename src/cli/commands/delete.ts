/** `walvault delete`: options, consent and output. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { DeletedIn, PlannedDeletions } from '../../operations/delete/delete.ts';
import { chooseRepositories } from '../options/repository-choice.ts';
import { deletionJson, renderDeleted, renderDeletions } from '../render/delete.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface DeleteCliOptions {
  readonly withChildren?: boolean;
  readonly allowLastFull?: boolean;
  readonly allowUnreadable?: boolean;
  readonly repository?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export const defineDelete: DefineVerb = (program, run) => {
  program
    .command('delete')
    .description('remove one backup, after showing what is lost with it')
    .argument('<id>', 'the backup, as `walvault list` shows it')
    .option('--with-children', 'also the backups that build on it')
    .option('--allow-last-full', 'also the last full backup of a system')
    .option('--allow-unreadable', 'also a backup whose record cannot be used')
    .option('--repository <name>', 'only in this repository (default: in each that has the backup)')
    .option('--dry-run', 'show what would be removed and lost, and remove nothing')
    .option('-y, --yes', 'without asking')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (id: string, options: DeleteCliOptions) => {
      await run(async invocation => await remove(id, options, invocation));
    });
};

async function remove(id: string, options: DeleteCliOptions, invocation: Invocation): Promise<void> {
  const { context, log, loadConfig, tell } = invocation;
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { carryOut, planDeletions } = await import('../../operations/delete/delete.ts');
  const isDryRun = options.dryRun === true;
  const isJson = options.json === true;
  const now = new Date();
  const { config } = await loadConfig();
  await using opened = await openRepositories(config, log);
  const deletions = await planDeletions({
    repositories: chooseRepositories(opened.repositories, options.repository),
    cluster: config.cluster,
    id,
    allowed: {
      withChildren: options.withChildren === true,
      lastFull: options.allowLastFull === true,
      unreadable: options.allowUnreadable === true,
    },
    now,
    log,
    signal: context.signal,
  });
  const refusal = refusalOf(id, deletions);
  const mustAsk = options.yes !== true && !isDryRun && refusal === undefined;
  if (!isJson) tell(rendered(renderDeletions, deletions), isDryRun || mustAsk || refusal !== undefined);
  const isDone = !isDryRun && refusal === undefined;
  if (mustAsk) await requireConsent(id, invocation);
  const deleted = isDone ? await carryOut(deletions, { now, log, signal: context.signal }) : [];
  if (isJson) tell(renderJson(deletionJson({ id, isDryRun, deletions, deleted })), true);
  else if (isDone) tell(rendered(renderDeleted, deleted));
  const failure = refusal ?? failureOf(deleted);
  if (failure !== undefined) throw failure;
}

/** @throws WalvaultError `refused` unless a person at a terminal types the id */
async function requireConsent(id: string, { context }: Invocation): Promise<void> {
  if (context.ask === undefined)
    throw new WalvaultError('refused', `delete: nobody is there to be asked whether ${id} may go`, {
      hint: 'Give --yes where no terminal is, after a look at --dry-run.',
    });
  const answer = await context.ask(`To delete it, type the id of the backup: `);
  if (answer.trim() !== id)
    throw new WalvaultError('refused', 'delete: that is not the id, and nothing was deleted', {
      hint: `Type ${id}, or give --yes.`,
    });
}

function refusalOf(id: string, { planned }: PlannedDeletions): WalvaultError | undefined {
  const all = planned.flatMap(({ place, plan }) =>
    plan.refusals.map(refusal => ({ ...refusal, repository: place.repository.name })),
  );
  const [first] = all;
  if (first === undefined) return undefined;
  const why = all.map(({ repository, message }) => `repository "${repository}": ${message}`).join('; ');
  return new WalvaultError('refused', `delete: backup ${id} stays: ${why}`, { hint: first.hint });
}

function failureOf(deleted: readonly DeletedIn[]): WalvaultError | undefined {
  const problems = deleted.flatMap(({ repository, removed }) => [
    ...removed.failures.map(failure => `repository "${repository}": ${failure}`),
    ...(removed.locked === undefined
      ? []
      : [
          `repository "${repository}": ${removed.locked.firstKey} is locked until ${removed.locked.until.toISOString()}`,
        ]),
    ...removed.yielded.map(id => `repository "${repository}": ${id} stays: it has come into use since`),
  ]);
  if (problems.length === 0) return undefined;
  return new WalvaultError('check-failed', `delete: not all was done: ${problems.join('; ')}`, {
    hint: 'Once the cause is gone, run it again, or cleanup: either goes on where it stopped.',
  });
}

const notes = `
Deletes as cleanup does: a signed note first, then the commit record, then the data, so that an interrupted deletion leaves no
backup that only looks whole. Nothing is deleted in any repository if one of them refuses: a pinned backup, one that others build
on, one that a running backup or restore needs, and the last full one stay. WAL stays, too: the next cleanup removes what no
backup needs any more. On a terminal it asks for the id; elsewhere --yes is needed.

Examples:
  walvault delete 20261122T020000Z-full-3f2a91 --dry-run
  walvault delete 20261122T020000Z-full-3f2a91 --repository offsite --yes
`;
