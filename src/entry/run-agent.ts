/** `walvault agent`, from arguments to exit status, without the command tree. */
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { serveAsAgent } from '../agent/agent.ts';
import { addressOf, type AgentAddress } from '../agent/client/address.ts';
import { agentLine } from '../agent/client/command-lines.ts';
import { readFingerprint } from '../agent/client/fingerprint.ts';
import { isServerAbove } from '../agent/client/orphanage.ts';
import { problemPath } from '../agent/client/start.ts';
import { readSecretsAhead } from '../compose/read-ahead.ts';
import { WorkerPool } from '../workers/pool.ts';
import { homeDirectory } from '../base/account.ts';
import { defaultConfigPath } from '../base/default-config.ts';
import { messageOf, WalvaultError } from '../base/errors/errors.ts';
import { findServer } from '../operations/push/find-server.ts';
import { beginCommand, type BegunCommand } from './begin-command.ts';
import type { CliContext } from './context.ts';
import { parseVerb, usageError } from './parse-verb.ts';
import type { Jobs } from '../workers/job-table.ts';
import { startWorker } from '../workers/start-worker.ts';
import { planThreads } from '../workers/thread-plan.ts';
import { AgentWorkers } from './agent-workers.ts';
import type { RunLog } from '../observe/run-log.ts';

/** @returns 0 after an orderly end; an agent in the background reports a failure only to the next push */
export async function runAgent(argv: readonly string[], context: CliContext): Promise<number> {
  const { values, positionals } = parseVerb(argv, agentLine);
  const [what, ...rest] = positionals;
  const dataDirectory = values['data-directory'] ?? values.for;
  if (rest.length > 0) throw usageError('too many arguments', agentLine);
  const configPath = resolve(values.config ?? (context.env['WALVAULT_CONFIG'] || defaultConfigPath));
  if (what === 'status' || what === 'stop') {
    const { askAgents } = await import('./ask-agents.ts');
    return await askAgents(what, { configPath, dataDirectory, context, isQuiet: values.quiet });
  }
  if (what !== undefined) throw usageError(`"${what}" is not something an agent does`, agentLine);
  const spawnedBy = values.parent === undefined ? undefined : Number(values.parent);
  if (isServerAbove()) {
    if (spawnedBy !== undefined) return 0;
    throw new WalvaultError('refused', 'PostgreSQL would get this agent for a child', {
      hint: 'Run it as a container of its own beside the server, or let an init process be process 1.',
    });
  }
  const command = beginCommand(context);
  const start = {
    configPath,
    dataDirectory,
    spawnedBy,
    command,
    log: command.createLog('agent', argv, values),
    context,
  };
  if (spawnedBy === undefined) return await serve(start);
  const address = dataDirectory === undefined ? undefined : addressOf(dataDirectory, configPath, context.env);
  try {
    return await serve(start);
  } catch (error) {
    if (address !== undefined) leaveWord(address, command.redactor.redact(messageOf(error)));
    throw error;
  }
}

interface Start {
  readonly configPath: string;
  readonly dataDirectory: string | undefined;
  /** The process of the push that started this agent; undefined: a person or a supervisor started it. */
  readonly spawnedBy: number | undefined;
  readonly command: BegunCommand;
  readonly log: RunLog;
  readonly context: CliContext;
}

/**
 * Size of Node's thread pool. Most of its threads wait for directory repositories, one for each file on its way. While
 * a file server is gone each of those hangs, and the agent and its workers still have files of their own to open.
 */
const poolThreads = '32';

async function serve({
  configPath,
  dataDirectory,
  spawnedBy,
  command,
  log,
  context,
}: Start): Promise<number> {
  process.umask(0o077);
  // Read once, when the first file is opened (threadpool.c of libuv).
  process.env['UV_THREADPOOL_SIZE'] ??= poolThreads;
  const { env, signal } = context;
  // Before the configuration is read: a change in between makes the configuration stale, not unnoticed.
  const readSince = Date.now();
  const fingerprint = readFingerprint(configPath);
  // Without a file, the environment alone is the configuration, or the error names the missing file.
  const loaded = await command.loadConfig(existsSync(configPath) ? configPath : undefined);
  const { config } = loaded;
  const server = await findServer({ dataDirectory, configured: config.dataDirectory, signal });
  await refuseForOther(server.dataDirectory);
  const address = addressOf(server.dataDirectory, configPath, env);
  if (address === undefined)
    throw new WalvaultError('config', "the path of the agent's socket would be too long", {
      hint: 'Name a directory with a shorter path in WALVAULT_AGENT_DIRECTORY.',
    });
  await readSecretsAhead(config);
  // The agent must keep no file system busy.
  process.chdir('/');
  const { threads, isDirect } = planThreads(config, availableParallelism());
  const settings = { ...config, dataDirectory: address.dataDirectory };
  const pool = new WorkerPool<Jobs>({
    maxWorkers: threads,
    jobsPerThread: isDirect ? 1 : undefined,
    start: () => startWorker(settings, threads, isDirect),
    onSecret: secret => command.redactor.add([secret]),
  });
  const workers = new AgentWorkers(pool, isDirect ? { pushTimeoutMs: config.archive.timeoutMs } : undefined);
  const reason = await serveAsAgent({
    address,
    fingerprint,
    environment: env,
    namedVariables: loaded.variables,
    readSince,
    sender: workers,
    pushTimeoutMs: config.archive.timeoutMs,
    fetcher: workers,
    prefetch: {
      ...config.fetch,
      depthBytes: config.fetch.prefetchBytes,
    },
    walDirectory: realpathSync(join(address.dataDirectory, 'pg_wal')),
    segmentSizeBytes: server.segmentSizeBytes,
    jobs: config.archive.jobs,
    isBatch: config.archive.batch,
    queueLimitBytes: config.archive.queueLimitBytes,
    watchedFiles: [...loaded.files, ...credentialFiles(env)],
    idleTimeoutMs: spawnedBy === undefined ? undefined : config.agent.idleTimeoutMs,
    spawnedBy,
    signal,
    redact: text => command.redactor.redact(text),
    tell: event => log.lineFor(event),
    tellFailure: event => log.reportFor(event),
    log,
  });
  await pool.close();
  log.emit({ kind: 'agent-ended', reason });
  return 0;
}

/** An agent of root's would be asked by nobody, and make and empty directories where PostgreSQL's user may put links. */
async function refuseForOther(dataDirectory: string): Promise<void> {
  const { uid } = await stat(dataDirectory);
  if (process.geteuid?.() === 0 && uid !== 0)
    throw new WalvaultError('refused', `an agent for ${dataDirectory} runs as user ${uid}, not as root`, {
      hint: 'Only processes of its own user ask an agent: run it as the user that runs PostgreSQL.',
    });
}

/** Files that the stores' libraries find by themselves, and read only once. */
function credentialFiles(env: NodeJS.ProcessEnv): string[] {
  const home = homeDirectory(env);
  return [
    env['AWS_SHARED_CREDENTIALS_FILE'] || join(home, '.aws/credentials'),
    env['AWS_CONFIG_FILE'] || join(home, '.aws/config'),
    env['GOOGLE_APPLICATION_CREDENTIALS'] ||
      join(home, '.config/gcloud/application_default_credentials.json'),
  ];
}

/** Leaves a text for the next push, because nobody sees what a detached agent prints. */
function leaveWord(address: AgentAddress, text: string): void {
  try {
    writeFileSync(problemPath(address), text, { mode: 0o600 });
  } catch {
    // There is no place for the text.
  }
}
