/** The start of every command: all output goes through the redactor, which knows each secret that was read. */
import type { Verbosity } from '../base/log-level.ts';
import { loadConfig, secretsIn, type LoadedConfig } from '../config/index.ts';
import { Redactor } from '../observe/redact.ts';
import { createTextLog, type TextLog } from '../observe/text-log.ts';
import type { CliContext } from './context.ts';

export interface BegunCommand {
  readonly redactor: Redactor;
  /** Prints results to standard output. */
  readonly print: (text: string) => void;
  /** Prints lines to standard error. */
  readonly report: (text: string) => void;
  createLog(options: Verbosity): TextLog;
  /** Reads the configuration, and keeps its secrets out of all further output. @throws WalvaultError `config` */
  loadConfig(path: string | undefined): Promise<LoadedConfig>;
}

export function beginCommand({ env, isTty, stdout, stderr }: CliContext): BegunCommand {
  const redactor = new Redactor();
  redactor.addEnvironment(env);
  const report = (text: string) => stderr(redactor.redact(text));
  return {
    redactor,
    print: text => stdout(redactor.redact(text)),
    report,
    createLog: verbosity => createTextLog({ ...verbosity, stderr: report, isTty }),
    async loadConfig(path) {
      const loaded = await loadConfig({ path, env });
      redactor.add(secretsIn(loaded));
      return loaded;
    },
  };
}
