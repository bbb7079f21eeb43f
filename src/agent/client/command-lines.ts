/**
 * The command lines of push, fetch and agent, each option said once. The client's quick parser (`quick-parse.ts`), the full
 * one (`entry/parse-verb.ts`), the command tree (`cli/entry-command.ts`) and the process edge all read these tables.
 */

export interface OptionSpec {
  /** The placeholder of its value in the help. Undefined: a switch. */
  readonly value?: string;
  /** One letter. */
  readonly short?: string;
  /** The option that it cannot be used with, where a person gives both. */
  readonly conflicts?: string;
  /** Undefined: walvault alone gives this option, to an agent that it starts, and the help leaves it out. */
  readonly help?: string;
}

type Options = Readonly<Record<string, OptionSpec>>;

export interface CommandLine {
  readonly name: string;
  readonly description: string;
  /** What a usage error shows behind `walvault NAME [--config PATH]`. */
  readonly usage: string;
  /** From `<name>`, or `[name]` where it may be left out, to its help. */
  readonly positionals: Readonly<Record<string, string>>;
  readonly options: Options;
}

/** Of every verb. */
export const commonOptions = {
  config: { value: 'path', help: 'configuration file (default: WALVAULT_CONFIG, else /etc/walvault.toml)' },
  quiet: { short: 'q', conflicts: 'verbose', help: 'warnings and errors only' },
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
  usage: '[--timeline N] [--target-set] [--system-id N] <name> <destination>',
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
      help: 'system identifier, where there is no data directory to take it from',
    },
  },
} as const satisfies CommandLine;

export const agentLine = {
  name: 'agent',
  description: 'the resident helper of push and fetch: run it in the foreground, look at it, stop it',
  usage: '[--data-directory PATH] | status | stop',
  positionals: { '[what]': 'status or stop; without it the agent runs until it is ended' },
  options: {
    'data-directory': {
      value: 'path',
      short: 'D',
      help: 'the cluster (default: the working directory, or data-directory)',
    },
    /** The data directory, by the push or fetch that starts the agent. */
    for: { value: 'path' },
    /** The process of that push or fetch. */
    parent: { value: 'pid' },
  },
} as const satisfies CommandLine;

/** A command line that was read by its table. */
export interface ParsedLine<Line extends CommandLine> {
  readonly values: OptionValues<typeof commonOptions> & OptionValues<Line['options']>;
  /** Without the verb. */
  readonly positionals: readonly string[];
}

type OptionValues<Known extends Options> = {
  readonly [Name in keyof Known]: Known[Name] extends { readonly value: string }
    ? string | undefined
    : boolean;
};

/** The names and specifications of all options of a verb. */
export function optionsOf(line: CommandLine): [string, OptionSpec][] {
  return Object.entries({ ...commonOptions, ...line.options });
}

/** As written on a command line: `--config`, or `-q` and `--quiet`. */
export function spellingsOf(name: string, { short }: OptionSpec): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
}

/** Spellings of the options whose value is the next word. */
export function spellingsWithValue(line: CommandLine): string[] {
  return optionsOf(line).flatMap(([name, spec]) => (spec.value === undefined ? [] : spellingsOf(name, spec)));
}
