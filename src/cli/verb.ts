/** The types that a command of the command line is made of. */
import type { Command } from 'commander';
import type { Secret } from '../base/secret.ts';
import type { LoadedConfig } from '../config/index.ts';
import type { CliContext } from '../entry/context.ts';
import type { Log } from '../observe/events/events.ts';
import type { ResultText } from './render/result-text.ts';

/** One run of one command. */
export interface Invocation {
  readonly context: CliContext;
  /** The whole command line, for verbs that parse it themselves. */
  readonly argv: readonly string[];
  readonly log: Log;
  /** From `--config`. */
  readonly configPath: string | undefined;
  /** Prints what was asked for to standard output, without the secrets that were read. */
  readonly print: (text: ResultText) => void;
  /** Writes a file with what was asked for, for others to read: whole and durable, or not at all. */
  readonly save: (path: string, text: ResultText) => Promise<void>;
  /** Prints what was done. `--quiet` leaves it out, unless that is what was asked for: JSON, or the plan of a dry run. */
  readonly tell: (text: ResultText, isAsked?: boolean) => void;
  /** Reads the configuration and keeps its secrets out of all further output. */
  readonly loadConfig: () => Promise<LoadedConfig>;
  /** Keeps further secrets, from outside the configuration, out of the output. */
  readonly hide: (secrets: Iterable<Secret>) => void;
}

/** Gives a command its action. `work` returns an exit status, nothing for 0, or throws. */
export type Run = (work: (invocation: Invocation) => Promise<number | void>) => Promise<void>;

/** Adds one command to the program. Its action parses, calls the operation and renders, nothing else. */
export type DefineVerb = (program: Command, run: Run) => void;
