/**
 * The full parser of the command lines of push, fetch and agent. It does not load the command tree, because PostgreSQL
 * runs these for every segment.
 */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { optionsOf, type ParsedLine, type CommandLine } from '../agent/client/command-lines.ts';
import { messageOf, WalvaultError } from '../base/errors/errors.ts';

/** @throws WalvaultError `usage` */
export function parseVerb<Line extends CommandLine>(argv: readonly string[], line: Line): ParsedLine<Line> {
  const known = optionsOf(line);
  const options: ParseArgsOptionsConfig = {};
  for (const [name, { value, short }] of known)
    options[name] = {
      type: value === undefined ? 'boolean' : 'string',
      ...(short !== undefined && { short }),
    };
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options,
      allowPositionals: true,
      strict: true,
    });
    const switches = known.filter(([, { value }]) => value === undefined).map(([name]) => [name, false]);
    return {
      values: { ...Object.fromEntries(switches), ...values } as ParsedLine<Line>['values'],
      positionals: positionals.slice(1),
    };
  } catch (error) {
    throw usageError(messageOf(error).split('. ')[0] ?? 'wrong arguments', line);
  }
}

export function usageError(message: string, { name, usage }: CommandLine): WalvaultError {
  return new WalvaultError('usage', message.charAt(0).toLowerCase() + message.slice(1), {
    hint: `Usage: walvault ${name} [--config PATH] ${usage}.`,
  });
}
