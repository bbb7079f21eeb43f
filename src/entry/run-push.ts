/** `walvault push`, from arguments to exit status, without the command tree. */
import type { Unanswered } from '../agent/client/ask.ts';
import { pushLine } from '../agent/client/command-lines.ts';
import { errorCodes } from '../base/errors/errors.ts';
import { openRepositories } from '../compose/open-repositories.ts';
import type { Config } from '../config/index.ts';
import { pushMissing } from '../operations/push/push-missing.ts';
import { push } from '../operations/push/push.ts';
import { pushSettings, timeoutLeft } from '../operations/push/settings.ts';
import { beginCommand } from './begin-command.ts';
import type { CliContext } from './context.ts';
import { startNextAgent } from './next-agent.ts';
import { parseVerb, usageError } from './parse-verb.ts';
import type { Log } from '../observe/events/events.ts';

/** Pushes one file. `asked`: the outcome of asking the agent before. @returns 0; every failure is thrown */
export async function runPush(
  argv: readonly string[],
  context: CliContext,
  asked?: Unanswered,
): Promise<number> {
  const { values, positionals } = parseVerb(argv, pushLine);
  const [path, ...rest] = positionals;
  if (rest.length > 0 || (path === undefined) !== values.missing)
    throw usageError('push takes one path, or --missing', pushLine);
  const { redactor, createLog, loadConfig } = beginCommand(context);
  const log = createLog('push', argv, values);
  return await redactor.guard(async () => {
    const { config } = await loadConfig(values.config);
    return await pushWith(config, path, { log, context, asked, isQuiet: values.quiet });
  });
}

interface PushContext {
  readonly log: Log;
  readonly context: CliContext;
  readonly asked: Unanswered | undefined;
  readonly isQuiet: boolean;
}

/** Without `path`: pushes what is missing in the archive. */
async function pushWith(
  config: Config,
  path: string | undefined,
  { log, context, asked, isQuiet }: PushContext,
): Promise<number> {
  await using opened = await openRepositories(config, log);
  const options = {
    ...pushSettings(config),
    repositories: opened.repositories,
    log,
    signal: context.signal,
  };
  if (path !== undefined) {
    if (asked?.complaint !== undefined)
      log.emit({ kind: 'agent-unanswering', verb: 'push', detail: asked.complaint });
    const spentMs = asked?.elapsedMs ?? 0;
    const timeoutMs = timeoutLeft(options.timeoutMs, spentMs);
    await push({ ...options, path, timeoutMs, archiver: { spentMs } });
    if (config.agent.mode === 'auto') await startNextAgent(asked, { env: context.env, log });
    return 0;
  }
  const { sent, alreadyArchived, failed } = await pushMissing(options);
  if (!isQuiet)
    context.stdout(
      `${sent.length} sent, ${alreadyArchived} were archived already, ${failed.length} failed\n`,
    );
  return failed.length === 0 ? 0 : errorCodes['check-failed'];
}
