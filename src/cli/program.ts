/** The command line: one program, with one file for each verb under `commands/`. */
import { resolve } from 'node:path';
import { writeOwnFile } from '../base/files/own-directory.ts';
import { CommanderError, type Command } from 'commander';
import { commonOptions } from '../agent/client/command-lines.ts';
import { versionLine } from '../base/build-info.ts';
import { errorCodes, WalvaultError } from '../base/errors/errors.ts';
import { toPlainError } from '../base/errors/plain-error.ts';
import type { RunLog } from '../observe/run-log.ts';
import { verbs } from './commands/index.ts';
import { beginCommand } from '../entry/begin-command.ts';
import type { CliContext } from '../entry/context.ts';
import { addOptions } from './entry-command.ts';
import { helpWidth, HelpfulCommand } from './help.ts';
import { exitStatusOf, renderError } from './render/error.ts';
import type { DefineVerb, Invocation, Run } from './verb.ts';

interface GlobalOptions {
  readonly config?: string;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly logFormat?: string;
  readonly logFile?: string;
}

/**
 * Runs one command line. `argv` begins after the program's own name.
 * @returns the exit status (`docs/exit-codes.md`); every failure but an interruption has been reported on standard error
 */
export async function runCli(
  argv: readonly string[],
  context: CliContext,
  defined: readonly DefineVerb[] = verbs,
): Promise<number> {
  const { redactor, print, shown, report, createLog, loadConfig } = beginCommand(context);
  let isHelpPrinted = false;
  const program = createProgram({
    print(text) {
      isHelpPrinted = true;
      print(text);
    },
    width: () => helpWidth(context.columns, context.env),
  });
  let status = 0;
  let runLog: RunLog | undefined;
  const run: Run = async work => {
    const { config, quiet = false, verbose = false, logFormat, logFile } = program.opts<GlobalOptions>();
    const options = { quiet, verbose, 'log-format': logFormat, 'log-file': logFile };
    const log = createLog(program.args[0] ?? '', argv, options);
    runLog = log;
    const invocation: Invocation = {
      context,
      argv,
      log,
      configPath: config,
      print,
      save: async (path, text) => await writeOwnFile(resolve(path), shown(text), { mode: 0o644 }),
      tell(text, isAsked = false) {
        if (isAsked || !quiet) print(text);
      },
      hide: secrets => redactor.add(secrets),
      loadConfig: () => loadConfig(config),
    };
    try {
      status = (await work(invocation)) ?? 0;
    } finally {
      log.close();
    }
  };
  for (const define of defined) define(program, run);
  if (argv.length === 0) {
    report(program.helpInformation());
    return errorCodes.usage;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    // Of help that was asked for, commander says the exit status that this process has so far.
    if (error instanceof CommanderError && (error.exitCode === 0 || isHelpPrinted)) return 0;
    // Every error of the work counts as the interruption, which the process edge told when the signal came.
    if (context.signal.aborted) return errorCodes.interrupted;
    const failure = error instanceof CommanderError ? usageError(error, program) : error;
    const isDebug = context.env['WALVAULT_DEBUG'] === '1' || program.opts<GlobalOptions>().verbose === true;
    const exitStatus = exitStatusOf(failure);
    const isTold = runLog?.report({ kind: 'run-failed', exitStatus, failure: toPlainError(failure) });
    if (isTold !== true) report(renderError(failure, { isDebug }));
    return exitStatus;
  }
}

function createProgram({
  print,
  width,
}: {
  readonly print: (text: string) => void;
  readonly width: () => number;
}): Command {
  const program = new HelpfulCommand('walvault')
    .description(
      'Archives, encrypts and restores PostgreSQL: WAL, base backups, recovery to a point in time.',
    )
    .configureOutput({
      writeOut: print,
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: width,
    })
    // Below this width of their column, commander does not wrap descriptions.
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false, minWidthToWrap: 20 })
    .exitOverride()
    .version(versionLine(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addHelpText('after', examples);
  addOptions(program, commonOptions);
  return program;
}

const examples = `
Examples:
  # once
  walvault init --repository file:///mnt/archive --cluster orders --generate-keys /media/usb
  # postgresql.conf
  archive_command = 'walvault push %p'
  # every night
  walvault backup
  # after the accident
  walvault restore /var/lib/postgresql/15/restored --target-time '2026-11-22 10:00:00+00'
`;

/** Commander's words in our form: one line, with its suggestion as the hint. */
function usageError(error: CommanderError, program: Command): WalvaultError {
  const [first = '', suggestion] = error.message.split('\n');
  const near = suggestion === undefined ? undefined : /^\(Did you mean (.*)\?\)$/.exec(suggestion)?.[1];
  const message = first.replace(/^error: /, '');
  return new WalvaultError('usage', error.code === 'commander.help' ? withoutCommand(program) : message, {
    hint: near === undefined ? 'See walvault --help, or --help behind a command.' : `Did you mean ${near}?`,
  });
}

/** Commander shows its help, too, where help was asked for a command that does not exist. */
function withoutCommand({ args: [first, named] }: Command): string {
  return first === 'help' && named !== undefined ? `unknown command '${named}'` : 'a command is missing';
}
