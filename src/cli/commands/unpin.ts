/** `walvault unpin`: options and output. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { thisPerson } from '../options/person.ts';
import { chooseRepositories } from '../options/repository-choice.ts';
import { renderJson } from '../render/json.ts';
import { renderUnpinned, unpinnedJson } from '../render/pin.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface UnpinCliOptions {
  readonly pin?: string;
  readonly all?: boolean;
  readonly repository?: string;
  readonly json?: boolean;
}

export const defineUnpin: DefineVerb = (program, run) => {
  program
    .command('unpin')
    .description('take back a pin, so that the retention policy decides again')
    .argument('<id>', 'the backup')
    .option('--pin <id>', 'this pin, where the backup has several')
    .option('--all', 'all its pins, by whomever')
    .option('--repository <name>', 'only in this repository')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (id: string, options: UnpinCliOptions) => {
      await run(async invocation => await unpin(id, options, invocation));
    });
};

async function unpin(
  id: string,
  { pin, all = false, repository, json }: UnpinCliOptions,
  { context, log, loadConfig, tell }: Invocation,
): Promise<void> {
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { failureOfSome } = await import('../../operations/backup-places.ts');
  const { unpinBackup } = await import('../../operations/pin/unpin.ts');
  if (pin !== undefined && all)
    throw new WalvaultError('usage', 'unpin: --pin and --all cannot be used with each other', {
      hint: 'Name one pin, or take back all of them.',
    });
  const { config } = await loadConfig();
  await using opened = await openRepositories(config, log);
  const result = await unpinBackup({
    repositories: chooseRepositories(opened.repositories, repository),
    cluster: config.cluster,
    id,
    pin,
    isAll: all,
    by: thisPerson(),
    now: new Date(),
    signal: context.signal,
  });
  tell(json === true ? renderJson(unpinnedJson(result)) : rendered(renderUnpinned, result), json);
  const failure = failureOfSome('unpin', result.failures);
  if (failure !== undefined) throw failure;
}

const notes = `
Where a backup has several pins, the others stay: name one by --pin, as "walvault list backups --pinned" shows it. Where only
trusted signers count (signing.trusted-signers), the note that takes a pin back must be signed.

Examples:
  walvault unpin 20261122T020000Z-full-3f2a91
  walvault unpin 20261122T020000Z-full-3f2a91 --pin 5c0a91d2
`;
