/** The start of every command: all output goes through the redactor, which knows each secret that was read. */
import { resolve } from 'node:path';
import { homeDirectory } from '../base/account.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import type { Verbosity } from '../base/log-level.ts';
import { visibleLines } from '../base/visible-text.ts';
import { loadConfig, type LoadedConfig } from '../config/index.ts';
import { Redactor } from '../observe/redact.ts';
import { RunLog, type LogSettings } from '../observe/run-log.ts';
import type { CliContext } from './context.ts';

export interface BegunCommand {
  readonly redactor: Redactor;
  /** Prints results to standard output. */
  readonly print: (text: string) => void;
  /** The text as it is printed: without secrets and foreign control characters. */
  readonly shown: (text: string) => string;
  /** Prints lines to standard error. */
  readonly report: (text: string) => void;
  /** `argv` with its verb. @throws WalvaultError `usage` */
  createLog(verb: string, argv: readonly string[], options: LogOptions): RunLog;
  /**
   * Reads the configuration, keeps its secrets out of all further output, and sends the log where it says.
   * @throws WalvaultError `config`
   */
  loadConfig(path: string | undefined): Promise<LoadedConfig>;
}

/** From the command line. */
export interface LogOptions extends Verbosity {
  readonly 'log-format': string | undefined;
  readonly 'log-file': string | undefined;
}

export function beginCommand(context: CliContext): BegunCommand {
  const { env, isTty, stdout, stderr } = context;
  // The stores' libraries look for their files below HOME, and some fail where neither it nor the account says it.
  env['HOME'] = homeDirectory(env);
  const redactor = new Redactor();
  redactor.addEnvironment(env);
  const shown = (text: string) => visibleLines(redactor.redact(text));
  let log: RunLog | undefined;
  return {
    redactor,
    print(text) {
      log?.makeRoom();
      stdout(shown(text));
    },
    shown,
    report(text) {
      log?.makeRoom();
      stderr(shown(text));
    },
    createLog(verb, argv, options) {
      const { verbose, quiet } = options;
      log = new RunLog({
        verb,
        argv,
        verbose,
        quiet,
        stderr,
        isTty,
        columns: () => context.columns,
        redactor,
        given: givenSettings(options),
      });
      context.onLog?.(log);
      return log;
    },
    async loadConfig(path) {
      const loaded = await loadConfig({ path, env, onSecret: secret => redactor.add([secret]) });
      const { config } = loaded;
      log?.configure(
        config.log,
        config.repositories.map(({ name }) => name),
      );
      return loaded;
    },
  };
}

function givenSettings(options: LogOptions): Partial<LogSettings> {
  const { 'log-format': format, 'log-file': file } = options;
  if (format !== undefined && format !== 'text' && format !== 'json')
    throw new WalvaultError('usage', `--log-format takes text or json, not "${format}"`);
  return {
    ...(format !== undefined && { format }),
    ...(file !== undefined && { file: resolve(file), fileChosenBy: undefined }),
  };
}
