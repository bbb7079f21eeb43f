/** `walvault fetch`, from arguments to exit status, without the command tree. */
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentAddress } from '../agent/client/address.ts';
import { messageOf } from '../base/errors/errors.ts';
import { warn, type Log } from '../base/log.ts';
import { loadConfig, secretsIn, type Config } from '../config/index.ts';
import { Redactor } from '../observe/redact.ts';
import { fetch } from '../operations/fetch/fetch.ts';
import { findTargetSystem } from '../operations/fetch/target-system.ts';
import { openRepositories } from '../compose/open-repositories.ts';
import type { CliContext } from './context.ts';
import { parseVerb, usageError, type VerbArguments } from './parse-verb.ts';
import { createTextLog } from '../observe/text-log.ts';

const usage =
  'walvault fetch [--config PATH] [--timeline N] [--target-set] [--system-id N] <name> <destination>';

/** PostgreSQL's own word for "it is not there" (RestoreArchivedFile in xlogarchive.c). */
const absentStatus = 1;

/** What became of asking the agent before. */
export interface WithoutAgent {
  /** Where one for this fetch would listen; undefined: it is not for an agent. */
  readonly address?: AgentAddress | undefined;
  /** What went wrong with it, if anything did. */
  readonly complaint?: string | undefined;
}

/** @returns 0 or, proven absent, 1; everything else is thrown, and main.ts has its status */
export async function runFetch(
  argv: readonly string[],
  context: CliContext,
  agent?: WithoutAgent,
): Promise<number> {
  const args = parseVerb(
    argv,
    { timeline: { type: 'string' }, 'target-set': { type: 'boolean' }, 'system-id': { type: 'string' } },
    usage,
  );
  const [name, destination, ...rest] = args.positionals;
  if (name === undefined || destination === undefined || rest.length > 0)
    throw usageError('fetch takes a name and a destination', usage);
  const timeline = numberOption(args, 'timeline');
  const what: Wanted = {
    name,
    destination,
    timeline: timeline === undefined ? undefined : Number(timeline),
    systemId: numberOption(args, 'system-id'),
    isTargetSet: args.values['target-set'] === true,
  };
  const loaded = await loadConfig({ path: args.configPath, env: context.env });
  const redactor = new Redactor();
  redactor.add(secretsIn(loaded));
  redactor.addEnvironment(context.env);
  const log = createTextLog({
    stderr: text => context.stderr(redactor.redact(text)),
    isTty: context.isTty,
    verbose: args.verbose,
    quiet: args.quiet,
  });
  return await redactor.guard(() => fetchWith(loaded.config, what, { log, context, agent }));
}

interface Wanted {
  readonly name: string;
  readonly destination: string;
  readonly timeline: number | undefined;
  readonly systemId: bigint | undefined;
  readonly isTargetSet: boolean;
}

interface FetchContext {
  readonly log: Log;
  readonly context: CliContext;
  readonly agent: WithoutAgent | undefined;
}

async function fetchWith(
  config: Config,
  { systemId, ...wanted }: Wanted,
  { log, context, agent }: FetchContext,
): Promise<number> {
  if (agent?.complaint !== undefined) warn(log, agent.complaint);
  const { signal } = context;
  await using opened = await openRepositories(config, log);
  const { repositories } = opened;
  const target = await findTargetSystem({
    cluster: config.cluster,
    destination: wanted.destination,
    dataDirectory: config.dataDirectory,
    systemId,
    repositories,
    signal,
  });
  const result = await fetch({
    ...wanted,
    ...target,
    repositories,
    headerCheck: config.archive.headerCheck,
    timeoutMs: config.fetch.timeoutMs,
    standbyTimeoutMs: config.fetch.standbyTimeoutMs,
    log,
    signal,
  });
  if (result.outcome === 'absent')
    log.event({ level: 'debug', message: `${wanted.name} is not in the archive` });
  if (result.outcome !== 'delivered') {
    await removeOrphanedPrefetch(wanted.destination, log);
    return absentStatus;
  }
  const isForAgent = config.agent.mode === 'auto' && config.fetch.prefetchBytes > 0;
  if (agent?.address !== undefined && isForAgent) await startAgentForNext(agent.address, context, log);
  return 0;
}

/**
 * What an agent left that was killed near the end of a recovery: nothing starts another one that would tidy up, and
 * the last that PostgreSQL asks for, a history, is absent.
 */
async function removeOrphanedPrefetch(destination: string, log: Log): Promise<void> {
  try {
    const { PrefetchDirectory } = await import('../agent/fetch-ahead/prefetch-directory.ts');
    new PrefetchDirectory(realpathSync.native(dirname(destination))).removeOrphaned();
  } catch (error) {
    // The answer stands, whatever becomes of this.
    log.event({ level: 'debug', message: `prefetch: ${messageOf(error)}` });
  }
}

/** Only after a segment was delivered: whoever waits at the end of the archive asks every few seconds. */
async function startAgentForNext(address: AgentAddress, { env }: CliContext, log: Log): Promise<void> {
  try {
    const { startAgentOrSayWhy } = await import('./start-agent.ts');
    startAgentOrSayWhy(address, { env, log });
  } catch (error) {
    // The segment is there: nothing that happens afterwards may change the answer.
    warn(log, `no agent: ${messageOf(error)}`);
  }
}

function numberOption(args: VerbArguments, name: string): bigint | undefined {
  const value = args.values[name];
  if (typeof value !== 'string') return undefined;
  if (!/^\d{1,20}$/.test(value)) throw usageError(`--${name} takes a number, not "${value}"`, usage);
  return BigInt(value);
}
