/** `walvault fetch`, from arguments to exit status, without the command tree. */
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Unanswered } from '../agent/client/ask.ts';
import { fetchLine } from '../agent/client/command-lines.ts';
import { openRepositories } from '../compose/open-repositories.ts';
import { atRepositoryTime, type Config } from '../config/index.ts';
import { fetch } from '../operations/fetch/fetch.ts';
import { findTargetSystem } from '../operations/fetch/target-system.ts';
import { beginCommand } from './begin-command.ts';
import type { CliContext } from './context.ts';
import { startNextAgent } from './next-agent.ts';
import { parseVerb, usageError } from './parse-verb.ts';
import type { Log } from '../observe/events/events.ts';
import { toPlainError } from '../base/errors/plain-error.ts';

/** PostgreSQL's exit status for an absent file (RestoreArchivedFile in xlogarchive.c). */
const absentStatus = 1;

/**
 * Fetches one file. `asked`: the outcome of asking the agent before.
 * @returns 0, or 1 when the file is proven absent; every failure is thrown, and main.ts gives its status
 */
export async function runFetch(
  argv: readonly string[],
  context: CliContext,
  asked?: Unanswered,
): Promise<number> {
  const { values, positionals } = parseVerb(argv, fetchLine);
  const [name, destination, ...rest] = positionals;
  if (name === undefined || destination === undefined || rest.length > 0)
    throw usageError('fetch takes a name and a destination', fetchLine);
  const timeline = wholeNumber('timeline', values.timeline);
  const wanted: Wanted = {
    name,
    destination,
    timeline: timeline === undefined ? undefined : Number(timeline),
    systemId: wholeNumber('system-id', values['system-id']),
    isTargetSet: values['target-set'],
  };
  const readAtMs = momentOf(values['repository-time']);
  const { redactor, createLog, loadConfig } = beginCommand(context);
  const log = createLog('fetch', argv, values);
  return await redactor.guard(async () => {
    const { config } = await loadConfig(values.config);
    const chosen = { ...config, repositories: chosenOf(config, values.repository) };
    return await fetchWith(atRepositoryTime(chosen, readAtMs), wanted, { log, context, asked });
  });
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
  readonly asked: Unanswered | undefined;
}

async function fetchWith(
  config: Config,
  { systemId, ...wanted }: Wanted,
  { log, context, asked }: FetchContext,
): Promise<number> {
  if (asked?.complaint !== undefined)
    log.emit({ kind: 'agent-unanswering', verb: 'fetch', detail: asked.complaint });
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
  // The operation itself has warned of a placeholder.
  if (result.outcome === 'placeholder') return 0;
  log.emit(
    result.outcome === 'absent'
      ? { kind: 'file-absent', file: wanted.name }
      : { kind: 'file-delivered', file: wanted.name, repository: result.repository },
  );
  if (result.outcome === 'absent') {
    await removeOrphanedPrefetch(wanted.destination, log);
    return absentStatus;
  }
  // Only after a segment was delivered: a standby at the end of the archive asks every few seconds.
  const isForAgent = config.agent.mode === 'auto' && config.fetch.prefetchBytes > 0;
  if (isForAgent) await startNextAgent(asked, { env: context.env, log });
  return 0;
}

/**
 * Removes the files of an agent that was killed near the end of a recovery. No later agent would: the recovery's last
 * request is for a history that is absent, and starts none.
 */
async function removeOrphanedPrefetch(destination: string, log: Log): Promise<void> {
  // No recovery runs as root, and what PostgreSQL's user may write root does not empty.
  if (process.geteuid?.() === 0) return;
  try {
    const { PrefetchDirectory } = await import('../agent/fetch-ahead/prefetch-directory.ts');
    new PrefetchDirectory(realpathSync.native(dirname(destination))).removeOrphaned();
  } catch (error) {
    // The answer to PostgreSQL does not depend on this.
    log.emit({ kind: 'orphaned-prefetch-left', failure: toPlainError(error) });
  }
}

function chosenOf({ repositories }: Config, name: string | undefined): Config['repositories'] {
  const chosen = repositories.filter(one => name === undefined || one.name === name);
  if (chosen.length === 0) throw usageError(`no repository is named "${name ?? ''}"`, fetchLine);
  return chosen;
}

/** ISO 8601 with its zone, as restore writes it into restore_command. */
function momentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs))
    throw usageError(`--repository-time takes a time like 2026-11-22T10:00:00Z, not "${text}"`, fetchLine);
  return timeMs;
}

function wholeNumber(option: keyof typeof fetchLine.options, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,20}$/.test(text)) throw usageError(`--${option} takes a number, not "${text}"`, fetchLine);
  return BigInt(text);
}
