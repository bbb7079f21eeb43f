/** `walvault verify`: options and output. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { formatCount, parseDuration } from '../../base/units.ts';
import { atRepositoryTime, type Config } from '../../config/index.ts';
import { isDamage } from '../../operations/verify/finding.ts';
import type { VerifiedRepository } from '../../operations/verify/options.ts';
import { jobsOption, limitRateOption } from '../options/load-options.ts';
import { chooseRepositories, parseSystemId } from '../options/repository-choice.ts';
import { repositoryTimeOption } from '../options/repository-time.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import { renderVerify, verifyJson } from '../render/verify.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface VerifyCliOptions {
  readonly readData?: string | true;
  readonly again?: boolean;
  readonly againAfter: string;
  readonly repair?: boolean;
  readonly repository?: string;
  readonly repositoryTime?: number;
  readonly systemId?: string;
  readonly jobs?: number;
  readonly limitRate?: number;
  readonly json?: boolean;
}

export const defineVerify: DefineVerb = (program, run) => {
  program
    .command('verify')
    .description('find what can no longer be restored, and what would repair it')
    .option(
      '--read-data [percent]',
      'read and decode data: all that is due, or at most this share of it, what was read longest ago first',
    )
    .option('--again', 'read also what an earlier run has read and found sound')
    .option('--again-after <duration>', 'read again what was read longer ago than this', '30d')
    .option('--repair', 'bring back from another repository what is missing or damaged')
    .option('--repository <name>', 'only this repository; --repair copies from the others')
    .addOption(repositoryTimeOption())
    .option('--system, --system-id <n>', 'only this system, where the cluster had several (after an upgrade)')
    .addOption(jobsOption('restore.jobs'))
    .addOption(limitRateOption('store.limit-rate-download'))
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (options: VerifyCliOptions) => {
      await run(async invocation => await verifyAll(options, invocation));
    });
};

async function verifyAll(options: VerifyCliOptions, invocation: Invocation): Promise<void> {
  const { context, log, loadConfig, tell, hide } = invocation;
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { verify } = await import('../../operations/verify/verify.ts');
  const { DataReaders } = await import('../../workers/data-readers.ts');
  const percent = options.readData === true ? undefined : parsePercent(options.readData);
  const againAfterMs = options.again === true ? 0 : parseDuration(options.againAfter);
  if (options.readData === undefined && options.again === true)
    throw new WalvaultError('usage', '--again needs --read-data');
  const systemId = parseSystemId(options.systemId);
  const { config: loaded } = await loadConfig();
  if (options.repair === true && options.repositoryTime !== undefined)
    throw new WalvaultError('usage', '--repair changes the present: leave out --repository-time');
  const config = atRepositoryTime(withLimits(loaded, options), options.repositoryTime, options.repository);
  await using opened = await openRepositories(config, log);
  await using reader = new DataReaders(config, {
    onSecret: secret => hide([secret]),
    onTraffic: traffic => opened.addTraffic(traffic),
  });
  const result = await verify({
    repositories: chooseRepositories(opened.repositories, options.repository),
    all: opened.repositories,
    cluster: config.cluster,
    systemId,
    data: options.readData === undefined ? undefined : { reader, percent, againAfterMs },
    isRepairing: options.repair === true,
    now: new Date(),
    log,
    signal: context.signal,
  });
  if (options.json === true) tell(renderJson(verifyJson(result)), true);
  else tell(rendered(renderVerify, result), true);
  conclude(result, invocation);
}

/** @throws WalvaultError `damaged` before what kept a repository from being verified */
function conclude(result: readonly VerifiedRepository[], { log }: Invocation): void {
  const findings = result.flatMap(one => [
    ...one.findings,
    ...one.systems.flatMap(system => system.findings),
  ]);
  const damaged = findings.filter(isDamage).length;
  const problems = result.flatMap(({ name, problem }) => (problem === undefined ? [] : [{ name, problem }]));
  const [first] = problems;
  if (damaged === 0 && first !== undefined && problems.length === 1) {
    const { code, message, hint } = first.problem;
    throw new WalvaultError(code, `repository "${first.name}" could not be verified: ${message}`, { hint });
  }
  for (const { name, problem } of problems)
    log.emit({ kind: 'repository-not-verified', repository: name, failure: toPlainError(problem) });
  if (damaged > 0)
    throw new WalvaultError('damaged', `verify: ${formatCount(damaged, 'finding')} of damage`, {
      hint: 'Each line that begins with DAMAGED says what is lost and what would repair it.',
    });
  if (first !== undefined)
    throw new WalvaultError(
      first.problem.code,
      `verify: ${problems.length} repositories could not be verified`,
    );
}

function withLimits(config: Config, { jobs, limitRate }: VerifyCliOptions): Config {
  const { restore, store } = config;
  return {
    ...config,
    restore: { jobs: jobs ?? restore.jobs },
    store: { ...store, downloadBytesPerSecond: limitRate ?? store.downloadBytesPerSecond },
  };
}

/** `5%` and `5` both mean a twentieth. */
function parsePercent(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const percent = Number(/^(\d{1,3}(?:\.\d{1,3})?)%?$/.exec(text)?.[1]);
  if (percent > 0 && percent <= 100) return percent;
  throw new WalvaultError('usage', `--read-data takes a percentage above 0 and up to 100, not "${text}"`, {
    hint: 'Write it like 5%, or leave it out to read all that is due.',
  });
}

const notes = `
Without --read-data, listings and small records tell whether backups are whole and WAL is without gaps. What was read is
noted in the repository, so that a nightly run reads what is new. Prints nothing where nothing is wrong. Exit statuses: 0
healthy or only warnings, 9 damaged, 5 or 6 where a repository does not answer or refuses.

Examples:
  walvault verify
  walvault verify --read-data
  walvault verify --read-data=5% --limit-rate 50MiB
  walvault verify --repository offsite --repair
`;
