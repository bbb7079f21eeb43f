/** `walvault push`, from arguments to exit status, without the command tree. */
import type { AgentAddress } from '../agent/client/address.ts';
import { errorCodes } from '../base/errors/errors.ts';
import { warn, type Log } from '../base/log.ts';
import { loadConfig, secretsIn, type Config } from '../config/index.ts';
import { Redactor } from '../observe/redact.ts';
import { push } from '../operations/push/push.ts';
import { pushMissing } from '../operations/push/push-missing.ts';
import { openRepositories } from '../compose/open-repositories.ts';
import type { CliContext } from './context.ts';
import { parseVerb, usageError } from './parse-verb.ts';
import { pushSettings, timeoutLeft } from '../operations/push/settings.ts';
import { createTextLog } from '../observe/text-log.ts';

const usage = 'walvault push [--config PATH] <path of a WAL file> | --missing';

/** What became of asking the agent before. */
export interface WithoutAgent {
  /** Where one for this push would listen. */
  readonly address: AgentAddress | undefined;
  /** Time spent on asking: it is part of the push. */
  readonly elapsedMs: number;
  /** What went wrong with it, if anything did. */
  readonly complaint: string | undefined;
}

/** @returns 0; everything else is thrown */
export async function runPush(
  argv: readonly string[],
  context: CliContext,
  agent?: WithoutAgent,
): Promise<number> {
  const { configPath, values, positionals, verbose, quiet } = parseVerb(
    argv,
    { missing: { type: 'boolean' } },
    usage,
  );
  const isMissingRun = values['missing'] === true;
  const [path, ...rest] = positionals;
  if (rest.length > 0 || (path === undefined) !== isMissingRun)
    throw usageError('push takes one path, or --missing', usage);
  const loaded = await loadConfig({ path: configPath, env: context.env });
  const redactor = new Redactor();
  redactor.add(secretsIn(loaded));
  redactor.addEnvironment(context.env);
  const log = createTextLog({
    stderr: text => context.stderr(redactor.redact(text)),
    isTty: context.isTty,
    verbose,
    quiet,
  });
  return await redactor.guard(() => pushWith(loaded.config, path, { log, context, agent }));
}

interface PushContext {
  readonly log: Log;
  readonly context: CliContext;
  readonly agent: WithoutAgent | undefined;
}

/** `path` undefined: what is missing in the archive. */
async function pushWith(
  config: Config,
  path: string | undefined,
  { log, context, agent }: PushContext,
): Promise<number> {
  await using opened = await openRepositories(config, log);
  const options = {
    ...pushSettings(config),
    repositories: opened.repositories,
    log,
    signal: context.signal,
  };
  if (path !== undefined) {
    if (agent?.complaint !== undefined) warn(log, agent.complaint);
    const timeoutMs = timeoutLeft(options.timeoutMs, agent?.elapsedMs ?? 0);
    await push({ ...options, path, timeoutMs });
    if (agent?.address !== undefined && config.agent.mode === 'auto') {
      const { startAgentOrSayWhy } = await import('./start-agent.ts');
      startAgentOrSayWhy(agent.address, { env: context.env, log });
    }
    return 0;
  }
  const { sent, alreadyArchived, failed } = await pushMissing(options);
  context.stdout(`${sent.length} sent, ${alreadyArchived} were archived already, ${failed.length} failed\n`);
  return failed.length === 0 ? 0 : errorCodes['check-failed'];
}
