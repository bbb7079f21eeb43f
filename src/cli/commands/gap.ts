/** `walvault gap ack`: options and output. */
import { pieceBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { acknowledgedJson, renderAcknowledged } from '../render/gap.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import { thisPerson } from '../options/person.ts';
import { chooseRepositories, parseSystemId } from '../options/repository-choice.ts';
import { parseTimeline } from '../options/timeline.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface AckCliOptions {
  readonly reason: string;
  readonly timeline?: string;
  readonly repository?: string;
  readonly systemId?: string;
  readonly json?: boolean;
}

export const defineGap: DefineVerb = (program, run) => {
  const gap = program.command('gap').description('deal with WAL that was archived once and is gone');
  gap
    .command('ack')
    .description('accept that WAL is lost, so that a recovery may end where it begins')
    .argument('[first]', 'the first missing segment; alone it stands for the whole gap that it lies in')
    .argument('[last]', 'the last missing segment')
    .requiredOption('--reason <text>', 'why the loss is accepted; list and check show it')
    .option('--timeline <n>', 'every gap of this timeline, instead of named segments')
    .option('--repository <name>', 'only this repository (default: each that lacks the WAL)')
    .option('--system-id <n>', 'which system, where several of the cluster lack such WAL')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (first: string | undefined, last: string | undefined, options: AckCliOptions) => {
      await run(async invocation => await acknowledge({ first, last }, options, invocation));
    });
};

async function acknowledge(
  named: { readonly first: string | undefined; readonly last: string | undefined },
  options: AckCliOptions,
  { context, log, loadConfig, tell }: Invocation,
): Promise<void> {
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { acknowledgeGaps } = await import('../../operations/gap/acknowledge.ts');
  const timeline = parseTimeline(options.timeline, { option: '--timeline' });
  const systemId = parseSystemId(options.systemId);
  const reason = reasonOf(options.reason);
  const { config } = await loadConfig();
  await using opened = await openRepositories(config, log);
  const results = await acknowledgeGaps({
    ...named,
    timeline,
    repositories: chooseRepositories(opened.repositories, options.repository),
    cluster: config.cluster,
    systemId,
    by: { ...thisPerson(), reason },
    log,
    signal: context.signal,
  });
  tell(
    options.json === true ? renderJson(acknowledgedJson(results)) : rendered(renderAcknowledged, results),
    options.json,
  );
}

function reasonOf(text: string): string {
  const { limitBytes } = pieceBounds.remark;
  const reason = text.trim();
  if (reason !== '' && !/[\r\n\0]/.test(reason) && Buffer.byteLength(reason) <= limitBytes) return reason;
  throw new WalvaultError('usage', `--reason takes one line of at most ${limitBytes} bytes`, {
    hint: "Say why nobody will get this WAL back, as in --reason 'bucket rule of May, ticket 1234'.",
  });
}

const notes = `
A recovery to the end of the archive stops with an error where WAL is missing that once was archived, so that nobody
loses rows without knowing. After an acknowledgement it ends before the missing WAL as at the end of the archive; the rows
in and after the gap are lost to it. Recoveries to a target beyond the gap, and on the way to another timeline, still
refuse. First look for the WAL: in pg_wal of a server ("walvault push --missing" there sends it), in another repository
("walvault copy"), in older versions of the bucket. The note names user, host, time and reason, and is signed.

Examples:
  walvault gap ack 000000010000000000000042 --reason 'bucket rule of May, ticket 1234'
  walvault gap ack 000000010000000000000042 000000010000000000000047 --reason 'disk lost'
  walvault gap ack --timeline 1 --repository main --reason 'disk lost'
`;
