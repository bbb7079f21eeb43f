/**
 * The process edge: chooses the verb and its failing exit status, handles signals, and is the only place that ends the
 * process. PostgreSQL reads the exit status of `push` and `fetch` as an answer. So the failing status follows from the
 * verb and the signal files alone, before any code that can throw is loaded.
 */
import { writeSync } from 'node:fs';
import { versionLine } from './base/build-info.ts';
import { describeFailure } from './base/errors/describe-failure.ts';
import { errorCodes, WalvaultError } from './base/errors/errors.ts';
import { toPlainError } from './base/errors/plain-error.ts';
import type { FetchThroughAgent } from './agent/client/fetch.ts';
import { agentLine, fetchLine, pushLine, spellingsWithValue } from './agent/client/command-lines.ts';
import { isOrphanOfServer } from './agent/client/orphanage.ts';
import type { CliContext } from './entry/context.ts';
import { StandardOutput } from './entry/standard-output.ts';
import type { RunLog } from './observe/run-log.ts';
import { failingExitStatus } from './operations/fetch/exit-status.ts';
import { recoveryModeOfAsking, type RecoveryMode } from './postgres/cluster/signal-files.ts';

interface Verb {
  failingStatus(error?: unknown): number;
  /** The exit status when a signal ended the work. */
  interruptedStatus(signal: NodeJS.Signals): number;
  /** True for a verb that SIGHUP does not end while it has a log file: it opens the file again. */
  readonly isResident?: boolean;
  /** True for a verb that works in threads, whose hanging calls the main thread does not see. */
  readonly hasThreads?: boolean;
  run(argv: string[], context: CliContext): Promise<number>;
}

/** After a signal the work has this long to tidy up before the process ends anyway. */
const tidyUpMs = 1500;

const argv = process.argv.slice(2);
const verb = chooseVerb(argv);
const output = new StandardOutput();
process.exitCode = verb.failingStatus();
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
const abortController = new AbortController();
let interruptedStatus: number | undefined;
let runLog: RunLog | undefined;
/** By the agent. */
let isErrorTold = false;
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, interrupt);

if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  output.write(`${versionLine()}\n`);
  finish(0);
} else {
  verb.run(argv, createContext()).then(finish, fail);
}

function chooseVerb(args: readonly string[]): Verb {
  // The command tree prints all help, also for the verbs that run without it.
  switch (args.includes('--help') || args.includes('-h') ? undefined : verbOf(args)) {
    case 'fetch':
      return fetchVerb(recoveryModeOfAsking(args.at(-1)));
    case 'push':
      return pushVerb();
    case 'agent':
      return agentVerb(args);
    case 'worker':
      return ordinaryVerb(async () => (await import('./workers/worker.ts')).runWorker());
    default:
      return cliVerb(recoveryModeOfAsking(args.at(-1)));
  }
}

/** The first argument that is neither an option nor an option's value: both may stand before the verb. */
function verbOf(args: readonly string[]): string | undefined {
  const takesValue = new Set([pushLine, fetchLine, agentLine].flatMap(spellingsWithValue));
  return args.find((argument, index) => !argument.startsWith('-') && !takesValue.has(args[index - 1] ?? ''));
}

/** The verb for all other command lines. To PostgreSQL, a misspelt `fetch` is also an answer. */
function cliVerb(mode: RecoveryMode): Verb {
  return ordinaryVerb(async (args, context) => {
    const { runCli } = await import('./cli/program.ts');
    const status = await runCli(args, context);
    const isAnswer = mode === 'point-in-time' && status === errorCodes.usage;
    return isAnswer ? failingExitStatus(mode, new WalvaultError('usage', 'no such command')) : status;
  });
}

/**
 * Exits only with statuses of the table and never dies by a signal: PostgreSQL's archiver would exit, too (pgarch.c).
 */
function ordinaryVerb(run: Verb['run']): Verb {
  return {
    failingStatus: error => (error instanceof WalvaultError ? error.exitCode : errorCodes.internal),
    interruptedStatus: () => errorCodes.interrupted,
    run,
  };
}

/**
 * SIGQUIT means that the server crashed or stops at once, and its archiver may be gone before the push (`exit`). A push
 * that the stopping server has interrupted without a signal exits with the same status.
 */
function pushVerb(): Verb {
  const verb = ordinaryVerb(pushByAgentOrHere);
  return {
    ...verb,
    failingStatus: error =>
      error instanceof WalvaultError && error.code === 'interrupted'
        ? errorCodes.internal
        : verb.failingStatus(error),
    interruptedStatus: signal =>
      signal === 'SIGQUIT' ? errorCodes.internal : verb.interruptedStatus(signal),
  };
}

async function pushByAgentOrHere(args: string[], context: CliContext): Promise<number> {
  const { pushThroughAgent } = await import('./agent/client/push.ts');
  const { env, signal } = context;
  const asked = await pushThroughAgent(args, { env, signal, workingDirectory: process.cwd() });
  if (asked.kind === 'unanswered') return (await import('./entry/run-push.ts')).runPush(args, context, asked);
  for (const { text } of asked.lines) context.stderr(text);
  isErrorTold = asked.isErrorTold;
  if (asked.error !== undefined) throw asked.error;
  return 0;
}

/** An agent may be a child of PostgreSQL as process 1, which takes any status but 0 and 1 for a crash. */
function agentVerb(args: readonly string[]): Verb {
  const verb = ordinaryVerb(async (rest, context) =>
    (await import('./entry/run-agent.ts')).runAgent(rest, context),
  );
  if (args.includes('status') || args.includes('stop')) return verb;
  return { ...verb, failingStatus: () => 1, interruptedStatus: () => 0, hasThreads: true, isResident: true };
}

async function fetchByAgentOrHere(mode: RecoveryMode, args: string[], context: CliContext): Promise<number> {
  // Only a recovery asks for one segment after the other.
  const asked = mode === 'none' ? undefined : await askForReadySegment(args, context);
  if (asked?.kind !== 'delivered')
    return (await import('./entry/run-fetch.ts')).runFetch(args, context, asked);
  for (const { text } of asked.lines) context.stderr(text);
  return 0;
}

async function askForReadySegment(
  args: string[],
  { env, signal }: CliContext,
): Promise<FetchThroughAgent | undefined> {
  try {
    const { fetchThroughAgent } = await import('./agent/client/fetch.ts');
    return await fetchThroughAgent(args, { env, signal, workingDirectory: process.cwd() });
  } catch (error) {
    if (signal.aborted) throw error;
    // The fetch itself works without an agent.
    return undefined;
  }
}

/** PostgreSQL stops a restore_command by SIGTERM, and knows its status 143 (RestoreArchivedFile in xlogarchive.c). */
function fetchVerb(mode: RecoveryMode): Verb {
  return {
    failingStatus: error => failingExitStatus(mode, error),
    interruptedStatus: signal =>
      signal === 'SIGTERM'
        ? 143
        : failingExitStatus(mode, new WalvaultError('interrupted', `interrupted by ${signal}`)),
    run: (rest, context) => fetchByAgentOrHere(mode, rest, context),
  };
}

function interrupt(signal: NodeJS.Signals): void {
  if (signal === 'SIGHUP' && verb.isResident === true && runLog?.reopen() === true) return;
  if (interruptedStatus !== undefined) exitInterrupted();
  interruptedStatus = verb.interruptedStatus(signal);
  process.exitCode = interruptedStatus;
  const isTold = runLog?.report({ kind: 'run-interrupted', signal }) === true;
  runLog?.makeRoom();
  if (!isTold) writeLine(`walvault: interrupted by ${signal}`);
  setTimeout(exitInterrupted, tidyUpMs);
  abortController.abort(new WalvaultError('interrupted', `interrupted by ${signal}`));
}

function exitInterrupted(): never {
  exit(interruptedStatus ?? verb.failingStatus());
}

/** Work that was done before the signal reached it has succeeded; every other end of the work is an interruption. */
function finish(status: number): void {
  // Exits one turn later: the file operation that ended the work counts as active until its callback has returned.
  setImmediate(() => {
    const failure = output.end();
    if (status === 0 && failure !== undefined) fail(failure);
    exit(status === 0 ? 0 : (interruptedStatus ?? status));
  });
}

function fail(error: unknown): never {
  if (interruptedStatus !== undefined) exitInterrupted();
  const exitStatus = verb.failingStatus(error);
  const isTold = runLog?.report({ kind: 'run-failed', exitStatus, failure: toPlainError(error) });
  if (isTold !== true && !isErrorTold)
    for (const line of describeFailure(error, { isDebug: process.env['WALVAULT_DEBUG'] === '1' }))
      writeLine(line);
  exit(exitStatus);
}

/**
 * Ends the process. Only PostgreSQL as process 1 reads an orphan's status, and takes it for a backend's.
 *
 * Node joins its pool's threads and those of workers (`MessagePort`) before it exits, so a thread that hangs in a file or name lookup (a dead NFS server, no
 * DNS) would keep the process for as long. Replacing the process by a shell that exits with the status ends all threads
 * at once.
 */
function exit(wantedStatus: number): never {
  const status = wantedStatus > 1 && isOrphanOfServer() ? 1 : wantedStatus;
  runLog?.end(status);
  const isStuck = process
    .getActiveResourcesInfo()
    .some(name => /^(FSReq|GetAddrInfo|MessagePort)/i.test(name));
  if ((isStuck || verb.hasThreads === true) && process.execve !== undefined) {
    try {
      process.execve('/bin/sh', ['sh', '-c', `exit ${status}`], {});
    } catch {
      // There is no shell; the exit may be slow.
    }
  }
  process.exit(status);
}

function createContext(): CliContext {
  return {
    signal: abortController.signal,
    onLog: log => void (runLog = log),
    env: process.env,
    stdout: text => output.write(text),
    stdoutBytes: chunk => output.writeBytes(chunk),
    stderr: text => void tolerant(process.stderr).write(text),
    get isTty() {
      return process.stderr.isTTY;
    },
    get columns() {
      return terminalColumns();
    },
    get outputColumns() {
      const { isatty } = process.getBuiltinModule('node:tty');
      // A terminal that nobody has told its size says 0.
      return isatty(1) && process.stdout.columns > 0 ? process.stdout.columns : undefined;
    },
    get ask() {
      const { isatty } = process.getBuiltinModule('node:tty');
      if (!isatty(0) || !isatty(2)) return undefined;
      return async (question: string) =>
        (await import('./entry/ask-person.ts')).askPerson(question, abortController.signal);
    },
  };
}

/**
 * In `walvault --help | less` only standard error is a terminal. Only the stream of a terminal is made: that of a pipe
 * would change how the results are written to it.
 */
function terminalColumns(): number | undefined {
  const { isatty } = process.getBuiltinModule('node:tty');
  if (isatty(1)) return process.stdout.columns;
  return isatty(2) ? process.stderr.columns : undefined;
}

/**
 * Nobody may be there to read messages. The stream is made on first use: it costs a push one millisecond, and a push
 * rarely says anything.
 */
function tolerant(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (stream.listenerCount('error') === 0) stream.on('error', () => undefined);
  return stream;
}

/**
 * Writes synchronously, because the process may end on the next line. A closed descriptor must not change the exit
 * status.
 */
function writeLine(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody is there to read the line.
  }
}
