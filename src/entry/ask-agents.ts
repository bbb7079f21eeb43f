/** `walvault agent status` and `walvault agent stop`, which ask the agents of this user and configuration. */
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { addressOf, inspectDirectory, socketDirectory } from '../agent/client/address.ts';
import { exchange } from '../agent/client/exchange.ts';
import type { AgentStatus } from '../agent/client/protocol.ts';
import { errorCodes, WalvaultError } from '../base/errors/errors.ts';
import { formatSize } from '../base/units.ts';
import type { CliContext } from './context.ts';

export interface AskOptions {
  readonly configPath: string;
  /** Ask only the agent of this cluster; undefined: those of all clusters. */
  readonly dataDirectory: string | undefined;
  readonly context: CliContext;
  /** True: what was stopped is not said. A status is what was asked for, and shown. */
  readonly isQuiet: boolean;
}

const silenceMs = 3000;
/** An agent that is told to stop ends within two seconds. */
const stopWithinMs = 4000;

/**
 * @returns 0; for `status` without an agent, the status of `not-found`
 * @throws WalvaultError `refused`, `internal`
 */
export async function askAgents(verb: 'status' | 'stop', options: AskOptions): Promise<number> {
  const { context, configPath, isQuiet } = options;
  const isSaid = verb === 'status' || !isQuiet;
  const { env, signal } = context;
  let found = 0;
  for (const path of socketPaths(options)) {
    const answer = await exchange(path, { verb: 'status' }, { silenceMs, signal });
    if (answer.kind === 'absent') continue;
    if (answer.kind !== 'status')
      throw new WalvaultError('internal', `the agent at ${path} does not answer`, {
        hint: 'End its process; a killed agent does no harm.',
      });
    if (answer.status.configPath !== configPath) continue;
    found++;
    if (verb === 'stop') await stop(path, answer.status.pid, signal);
    if (isSaid)
      context.stdout(verb === 'stop' ? `stopped process ${answer.status.pid}\n` : describe(answer.status));
  }
  if (found > 0) return 0;
  if (isSaid) context.stdout(`no agent runs for ${configPath} (${socketDirectory(env)})\n`);
  return verb === 'stop' ? 0 : errorCodes['not-found'];
}

/** What an agent says of itself; `absent`: none runs, which is no fault. */
export type AgentReport =
  | { readonly kind: 'running'; readonly status: AgentStatus }
  | { readonly kind: 'absent' }
  /** It gives no answer. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'unknown'; readonly problem: string };

/** Asks the agent of a cluster's own user, as that user or as root. @throws the signal's reason */
export async function readAgent({
  configPath,
  dataDirectory,
  context: { env, signal },
}: {
  readonly configPath: string;
  readonly dataDirectory: string;
  readonly context: Pick<CliContext, 'env' | 'signal'>;
}): Promise<AgentReport> {
  const own = process.getuid?.();
  const uid = statSync(dataDirectory, { throwIfNoEntry: false })?.uid;
  if (uid === undefined) return { kind: 'unknown', problem: 'the data directory cannot be read' };
  if (own !== 0 && own !== uid) return { kind: 'unknown', problem: 'it belongs to another user' };
  const state = inspectDirectory(socketDirectory(env, uid), uid);
  if (state === 'absent') return { kind: 'absent' };
  if (state !== 'ours') return { kind: 'unknown', problem: state.problem };
  const address = addressOf(dataDirectory, configPath, env, uid);
  if (address === undefined) return { kind: 'absent' };
  const answer = await exchange(address.socketPath, { verb: 'status' }, { silenceMs, signal });
  if (answer.kind === 'status') return { kind: 'running', status: answer.status };
  return answer.kind === 'absent' ? { kind: 'absent' } : { kind: 'silent' };
}

function socketPaths({ configPath, dataDirectory, context: { env } }: AskOptions): string[] {
  const directory = socketDirectory(env);
  const state = inspectDirectory(directory);
  if (state === 'absent') return [];
  if (state !== 'ours') throw new WalvaultError('refused', state.problem);
  if (dataDirectory !== undefined) {
    const address = addressOf(resolve(dataDirectory), configPath, env);
    return address === undefined ? [] : [address.socketPath];
  }
  return readdirSync(directory)
    .filter(name => name.endsWith('.sock'))
    .map(name => join(directory, name));
}

async function stop(path: string, pid: number, signal: AbortSignal): Promise<void> {
  await exchange(path, { verb: 'stop' }, { silenceMs, signal });
  const endsAt = performance.now() + stopWithinMs;
  while (isRunning(pid)) {
    if (performance.now() > endsAt)
      throw new WalvaultError('internal', `process ${pid} was told to stop and still runs`);
    await delay(20, undefined, { signal });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function describe(status: AgentStatus): string {
  const { pid, version, dataDirectory, startedAt, running, ahead, pushed, failed, prefetch, residentBytes } =
    status;
  return `${[
    `agent of ${dataDirectory}: process ${pid}, version ${version}, since ${startedAt}`,
    `  ${pushed} sent, ${failed} attempts failed, ${ahead} known to be durable`,
    `  sending now: ${running.length === 0 ? 'nothing' : running.join(', ')}`,
    `  ${prefetch.fetched} fetched ahead, ${prefetch.served} of them served, ${prefetch.ready} ready, ${prefetch.failed} attempts failed`,
    `  fetching now: ${prefetch.running.length === 0 ? 'nothing' : prefetch.running.join(', ')}`,
    `  memory ${formatSize(residentBytes)}`,
  ].join('\n')}\n`;
}
