/** `walvault pin`: options and output. */
import { parseMoment } from '../options/moment.ts';
import { thisPerson } from '../options/person.ts';
import { chooseRepositories } from '../options/repository-choice.ts';
import { renderJson } from '../render/json.ts';
import { pinnedJson, renderPinned } from '../render/pin.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface PinCliOptions {
  readonly until?: string;
  readonly note?: string;
  readonly repository?: string;
  readonly json?: boolean;
}

export const definePin: DefineVerb = (program, run) => {
  program
    .command('pin')
    .description('keep a backup, whatever the retention policy says')
    .argument('<id>', 'the backup, as `walvault list` shows it')
    .option('--until <time>', 'until then (default: until it is unpinned)')
    .option('--note <text>', 'why; list shows it', '')
    .option('--repository <name>', 'only in this repository (default: in each that has the backup)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (id: string, options: PinCliOptions) => {
      await run(async invocation => await pin(id, options, invocation));
    });
};

async function pin(
  id: string,
  { until, note = '', repository, json }: PinCliOptions,
  { context, log, loadConfig, tell }: Invocation,
): Promise<void> {
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { failureOfSome } = await import('../../operations/backup-places.ts');
  const { pinBackup } = await import('../../operations/pin/pin.ts');
  const now = new Date();
  const end = until === undefined ? undefined : parseMoment(until, { now, day: 'end', duration: 'ahead' });
  const { config } = await loadConfig();
  await using opened = await openRepositories(config, log);
  const result = await pinBackup({
    repositories: chooseRepositories(opened.repositories, repository),
    cluster: config.cluster,
    id,
    until: end,
    note: note.trim(),
    by: thisPerson(),
    now,
    signal: context.signal,
  });
  tell(json === true ? renderJson(pinnedJson(result)) : rendered(renderPinned, result), json);
  const failure = failureOfSome('pin', result.failures);
  if (failure !== undefined) throw failure;
}

const notes = `
A pinned backup stays, with all that it builds on and the WAL that makes it consistent: cleanup keeps it, and delete refuses.
The WAL after it is kept only as the policy says. A backup may have several pins, by different people; it is kept while one of
them counts. The note names user, host and time, and is signed where the host has a signing key.

--until takes a day, which is meant to its end in UTC, a time with its zone, or a duration such as 90d.

Examples:
  walvault pin 20261122T020000Z-full-3f2a91 --until 2027-12-31 --note 'audit 2026, ticket 1234'
  walvault pin 20261122T020000Z-full-3f2a91 --until 90d --repository offsite
`;
