/**
 * `restore --start`: starts the server on the restored directory, waits until it has come to its target, and reports what
 * was reached. The server goes on when this process ends, however it ends.
 */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { sleep } from '../../../base/time/wait.ts';
import type { Log } from '../../../observe/events/events.ts';
import { readControlFile } from '../../../postgres/cluster/control-file.ts';
import { readPostmasterPid } from '../../../postgres/cluster/postmaster-pid.ts';
import type { Lsn } from '../../../postgres/wal/lsn.ts';
import { outcomeOf, type Outcome, type Seen, type Wanted } from './outcome.ts';
import { lastWordsIn } from './server-log.ts';
import { askServer, type Asked } from './session.ts';
import { startServer } from './start-server.ts';

export interface StartRestored {
  readonly pgCtl: string;
  readonly dataDirectory: string;
  /** Options for the server itself; empty for none. */
  readonly serverOptions: string;
  readonly wanted: Wanted;
  /** The target in words. */
  readonly target: string;
  /** Where replay begins. */
  readonly startLsn: Lsn;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface StartedServer {
  /** Not `ended`: that is an error. */
  readonly outcome: Exclude<Outcome, 'ended'>;
  /** Undefined of a server that has shut down. */
  readonly port: number | undefined;
  readonly socketDirectory: string | undefined;
  readonly lsn: Lsn | undefined;
  /** Of the last transaction that was replayed. */
  readonly time: string | undefined;
  readonly timeline: number;
  /** Why the server could not be asked; undefined where it could. */
  readonly notAsked: string | undefined;
}

/** How often the server is looked at. */
const lookEveryMs = 500;
/** pg_ctl returns before the server has written its `postmaster.pid`. */
const appearsWithinMs = 3000;
const shownLines = 10;

/**
 * @throws WalvaultError `postgres` if the server ends before it has reached its target, after its last words were told;
 *   the signal's reason, and then the server runs on
 */
export async function startRestored(options: StartRestored): Promise<StartedServer> {
  const { dataDirectory, log, signal } = options;
  await startServer(options);
  log.emit({ kind: 'restored-server-started', dataDirectory });
  try {
    return await waitForTarget(options);
  } catch (error) {
    if (signal.aborted) log.emit({ kind: 'restored-server-left', dataDirectory });
    throw error;
  }
}

/**
 * Waits for a server that was just started.
 * @throws as `startRestored`, and says nothing of a server that runs on
 */
export async function waitForTarget(options: StartRestored): Promise<StartedServer> {
  const { dataDirectory, wanted, startLsn, log, signal } = options;
  const startedAt = performance.now();
  let hasAppeared = false;
  for (;;) {
    const look = await lookAt(options);
    hasAppeared ||= look.seen.isRunning;
    const isDue = hasAppeared || hasGivenUp(dataDirectory, performance.now() - startedAt);
    const outcome = isDue ? outcomeOf(look.seen, wanted) : undefined;
    if (outcome === 'ended') throw ended(options);
    if (outcome !== undefined) return { outcome, ...look.found };
    showProgress(look.found.lsn, startLsn, log);
    await sleep(lookEveryMs, signal);
  }
}

interface Look {
  readonly seen: Seen;
  readonly found: Omit<StartedServer, 'outcome'>;
}

async function lookAt({ dataDirectory, env, signal }: StartRestored): Promise<Look> {
  const pid = readPostmasterPid(dataDirectory);
  const isRunning = pid !== undefined && runs(pid.pid);
  const asked: Asked = isRunning ? await askServer(pid, { env, signal }) : { kind: 'not-yet' };
  const answer = asked.kind === 'answered' ? asked.answer : undefined;
  // Read last: of a server that has gone it is the last state.
  const { state, timeline, minRecoveryPoint } = await readControlFile(dataDirectory, signal);
  const session = answer ?? (asked.kind === 'refused' ? 'refused' : 'not-yet');
  return {
    seen: { isRunning, status: pid?.status, state, session },
    found: {
      port: isRunning ? pid.port : undefined,
      socketDirectory: isRunning ? pid.socketDirectory : undefined,
      lsn: answer?.lsn ?? minRecoveryPoint?.lsn,
      time: answer?.time,
      timeline: answer?.timeline ?? minRecoveryPoint?.timeline ?? timeline,
      notAsked: asked.kind === 'refused' ? asked.why : undefined,
    },
  };
}

function ended({ dataDirectory, wanted, target, log }: StartRestored): WalvaultError {
  const { path, lines } = lastWordsIn(dataDirectory, shownLines);
  for (const line of lines) log.emit({ kind: 'restored-server-said', line });
  return new WalvaultError(
    'postgres',
    `the restored server ended before it had reached ${wanted.mode === 'standby' ? 'a consistent state' : target}`,
    {
      hint: `What it said last stands above, all of it in ${path}. ${dataDirectory} is whole: start it again when that is dealt with.`,
    },
  );
}

/** A server that ends at once, as for a port that is taken, may be gone before anybody saw it: it leaves its words. */
function hasGivenUp(dataDirectory: string, elapsedMs: number): boolean {
  if (elapsedMs < appearsWithinMs) return false;
  return elapsedMs > 10 * appearsWithinMs || lastWordsIn(dataDirectory, 1).lines.length > 0;
}

function showProgress(lsn: Lsn | undefined, startLsn: Lsn, log: Log): void {
  if (lsn === undefined || lsn < startLsn) return;
  log.emit({ kind: 'progress', stage: 'recovery', doneBytes: Number(lsn - startLsn) });
}

/** True for a process of this user: no other can be the server's. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
