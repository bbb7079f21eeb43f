/** `walvault status`: options and output. */
import { resolve } from 'node:path';
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';
import { atRepositoryTime, defaultConfigPath } from '../../config/index.ts';
import { parseDuration } from '../../base/units.ts';
import type { AgentFacts } from '../../operations/status/facts.ts';
import type { Status } from '../../operations/status/result.ts';
import { chooseRepositories } from '../options/repository-choice.ts';
import { repositoryTimeOption } from '../options/repository-time.ts';
import { renderJson } from '../render/json.ts';
import { rendered, type ResultText } from '../render/result-text.ts';
import { statusJson } from '../render/status/json.ts';
import { nagiosProblem, nagiosStatuses, renderNagios } from '../render/status/nagios.ts';
import { renderPrometheus } from '../render/status/prometheus.ts';
import { renderStatus } from '../render/status/screen.ts';
import { statusExit } from '../render/status/exit.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface StatusCliOptions {
  readonly repository?: string;
  readonly repositoryTime?: number;
  readonly postgres: boolean;
  readonly timeout: string;
  readonly json?: boolean;
  readonly prometheus?: boolean;
  readonly nagios?: boolean;
  readonly output?: string;
}

export const defineStatus: DefineVerb = (program, run) => {
  program
    .command('status')
    .description('show what can be recovered, what is at risk, and what to do')
    .option('--repository <name>', 'only this repository')
    .addOption(repositoryTimeOption())
    .option('--no-postgres', 'look at the repositories alone, not at the server and its host')
    .option('--timeout <duration>', 'what has not answered by then is not known', '2min')
    .option('--json', 'print the result as JSON')
    .option('--prometheus', "print metrics for Prometheus' textfile collector")
    .option('--nagios', 'print one line, and exit as a plugin of Nagios does')
    .option('--output <file>', 'write this file instead, all of it at once')
    .addHelpText('after', notes)
    .action(async (options: StatusCliOptions) => {
      await run(async invocation => await showStatus(options, invocation));
    });
};

async function showStatus(options: StatusCliOptions, invocation: Invocation): Promise<number> {
  const formats = [options.json, options.prometheus, options.nagios].filter(format => format === true);
  if (formats.length > 1)
    throw new WalvaultError('usage', 'only one of --json, --prometheus and --nagios can be given', {
      hint: 'Run it once for each.',
    });
  if (options.nagios === true) return await showForNagios(options, invocation);
  const status = await lookUp(options, invocation);
  await give(formatted(status, options), options, invocation);
  return statusExit(status);
}

/** A plugin says by its exit status that it could not look, and why on standard output. */
async function showForNagios(options: StatusCliOptions, invocation: Invocation): Promise<number> {
  try {
    const status = await lookUp(options, invocation);
    await give(formatted(status, options), options, invocation);
    return nagiosStatuses[status.level];
  } catch (error) {
    invocation.context.signal.throwIfAborted();
    if (!(error instanceof WalvaultError)) throw error;
    invocation.print(rendered(nagiosProblem, messageOf(error)));
    return nagiosStatuses.unknown;
  }
}

async function lookUp(options: StatusCliOptions, { context, log, loadConfig }: Invocation): Promise<Status> {
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { readAgent } = await import('../../entry/ask-agents.ts');
  const { status } = await import('../../operations/status/status.ts');
  const timeoutMs = parseDuration(options.timeout);
  const { repositoryTime } = options;
  const { config: loaded, path } = await loadConfig();
  const config = atRepositoryTime(loaded, repositoryTime, options.repository);
  await using opened = await openRepositories(config, log);
  const configPath = resolve(path ?? defaultConfigPath);
  return await status({
    config,
    repositories: chooseRepositories(opened.repositories, options.repository),
    // A server is as it is now.
    withPostgres: options.postgres && repositoryTime === undefined,
    askAgent: async (dataDirectory): Promise<AgentFacts> => {
      const report = await readAgent({ configPath, dataDirectory, context });
      if (report.kind !== 'running') return report;
      const { pid, version, pushed, failed } = report.status;
      return { kind: 'running', pid, version, pushed, failed };
    },
    timeoutMs,
    env: context.env,
    now: new Date(repositoryTime ?? Date.now()),
    signal: context.signal,
  });
}

function formatted(status: Status, { json, prometheus, nagios }: StatusCliOptions): ResultText {
  if (json === true) return renderJson(statusJson(status));
  if (prometheus === true) return rendered(renderPrometheus, status);
  return rendered(nagios === true ? renderNagios : renderStatus, status);
}

async function give(text: ResultText, { output }: StatusCliOptions, invocation: Invocation): Promise<void> {
  if (output === undefined) invocation.print(text);
  else await invocation.save(output, text);
}

const notes = `
It only reads, and needs no private key. What cannot be looked at is shown as unknown, never as sound; a repository that
cannot be reached does not hide the others. The exit status is 0 for ok and for warnings, 16 if anything is critical, else 5
if something is unknown; with --nagios 0, 1, 2 or 3 for ok, warning, critical and unknown. docs/status.md has all findings.

Examples:
  walvault status
  walvault status --json
  walvault status --prometheus --output /var/lib/node_exporter/walvault.prom
  walvault status --nagios --no-postgres
`;
