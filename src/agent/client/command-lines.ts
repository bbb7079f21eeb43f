/**
 * The command lines of push, fetch and agent, each option stated once. Four readers share the tables: `quick-parse.ts`,
 * `entry/parse-verb.ts`, `cli/entry-command.ts` and `main.ts`.
 */

export interface OptionSpec {
  /** The placeholder of the option's value in the help. Undefined: a switch. */
  readonly value?: string;
  /** One letter. */
  readonly short?: string;
  /** An option that a person may not give together with this one. */
  readonly conflicts?: string;
  /** Undefined: the help leaves this option out, and only walvault gives it, to an agent that it starts. */
  readonly help?: string;
}

type Options = Readonly<Record<string, OptionSpec>>;

export interface CommandLine {
  readonly name: string;
  readonly description: string;
  /** The part of a usage error behind `walvault NAME [--config PATH]`. */
  readonly usage: string;
  /** Help by positional: `<name>`, or `[name]` for an optional one. */
  readonly positionals: Readonly<Record<string, string>>;
  readonly options: Options;
}

/** Options of every verb. */
export const commonOptions = {
  config: { value: 'path', help: 'configuration file (default: WALVAULT_CONFIG, else /etc/walvault.toml)' },
  'log-format': { value: 'format', help: 'text or json: how events are written (default: log.format)' },
  'log-file': { value: 'path', help: 'append events to this file, too (default: log.file)' },
  quiet: {
    short: 'q',
    conflicts: 'verbose',
    help: 'only warnings, errors and what was asked for: lists, JSON, the plan of --dry-run',
  },
  verbose: { short: 'v', help: 'say more, and give the causes of an error' },
} as const satisfies Options;

export const pushLine = {
  name: 'push',
  description: 'archive one WAL file (archive_command)',
  usage: '<path of a WAL file> | --missing',
  positionals: { '[path]': 'the file, as PostgreSQL gives it in %p' },
  options: {
    missing: { help: 'send every finished file in pg_wal that the archive lacks, as after a failover' },
  },
} as const satisfies CommandLine;

export const fetchLine = {
  name: 'fetch',
  description: 'get one WAL file from the archive (restore_command)',
  usage:
    '[--timeline N] [--target-set] [--system-id N] [--repository NAME] [--repository-time TIME] <name> <destination>',
  positionals: {
    '<name>': 'its name, as PostgreSQL gives it in %f',
    '<destination>': 'where to put it, as PostgreSQL gives it in %p',
  },
  options: {
    timeline: { value: 'n', help: 'the timeline that the recovery follows; restore writes it' },
    'target-set': {
      help: 'the recovery has a target, so PostgreSQL itself notices if the archive ends before it',
    },
    'system-id': {
      value: 'n',
      help: 'system identifier, where no data directory has it',
    },
    repository: { value: 'name', help: 'ask only this repository (default: all of them)' },
    'repository-time': {
      value: 'time',
      help: 'read it as it was at this time, as 2026-11-22T10:00:00Z; S3 buckets with versions only',
    },
  },
} as const satisfies CommandLine;

export const agentLine = {
  name: 'agent',
  description: 'the resident helper of push and fetch: run it in the foreground, look at it, stop it',
  usage: '[--data-directory PATH] | status | stop',
  positionals: { '[what]': 'status or stop; without it, run an agent until it is stopped' },
  options: {
    'data-directory': {
      value: 'path',
      short: 'D',
      help: 'the cluster (default: the working directory, or data-directory)',
    },
    /** The data directory; given by the push or fetch that starts the agent. */
    for: { value: 'path' },
    /** The process id of that push or fetch. */
    parent: { value: 'pid' },
  },
} as const satisfies CommandLine;

/** A command line, parsed by its table. */
export interface ParsedLine<Line extends CommandLine> {
  readonly values: OptionValues<typeof commonOptions> & OptionValues<Line['options']>;
  /** Positional arguments without the verb. */
  readonly positionals: readonly string[];
}

type OptionValues<Known extends Options> = {
  readonly [Name in keyof Known]: Known[Name] extends { readonly value: string }
    ? string | undefined
    : boolean;
};

/** Names and specifications of all options of a verb. */
export function optionsOf(line: CommandLine): [string, OptionSpec][] {
  return Object.entries({ ...commonOptions, ...line.options });
}

/** The spellings of an option: `--config`, or `-q` and `--quiet`. */
export function spellingsOf(name: string, { short }: OptionSpec): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
}

/** Spellings of the options whose value is the next word. */
export function spellingsWithValue(line: CommandLine): string[] {
  return optionsOf(line).flatMap(([name, spec]) => (spec.value === undefined ? [] : spellingsOf(name, spec)));
}
