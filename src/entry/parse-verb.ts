/** The arguments of push and fetch, parsed without the command tree: PostgreSQL calls these for every segment. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { messageOf, WalvaultError } from '../base/errors/errors.ts';

const common = {
  config: { type: 'string' },
  verbose: { type: 'boolean', short: 'v' },
  quiet: { type: 'boolean', short: 'q' },
} as const satisfies ParseArgsOptionsConfig;

export interface VerbArguments {
  readonly configPath: string | undefined;
  readonly verbose: boolean;
  readonly quiet: boolean;
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** Without the verb. */
  readonly positionals: readonly string[];
}

/** @throws WalvaultError `usage` */
export function parseVerb(
  argv: readonly string[],
  options: ParseArgsOptionsConfig,
  usage: string,
): VerbArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { ...common, ...options },
      allowPositionals: true,
      strict: true,
    });
    const known = values as Record<string, string | boolean | undefined>;
    return {
      configPath: typeof known['config'] === 'string' ? known['config'] : undefined,
      verbose: known['verbose'] === true,
      quiet: known['quiet'] === true,
      values: known,
      positionals: positionals.slice(1),
    };
  } catch (error) {
    throw usageError(messageOf(error).split('. ')[0] ?? 'wrong arguments', usage);
  }
}

export function usageError(message: string, usage: string): WalvaultError {
  return new WalvaultError('usage', message.charAt(0).toLowerCase() + message.slice(1), {
    hint: `Usage: ${usage}.`,
  });
}
