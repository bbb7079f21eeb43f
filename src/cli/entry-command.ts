/**
 * Adds push, fetch and agent to the command tree, which has their help. They run without the tree, but a line that
 * reaches the tree runs the same work.
 */
import { Option, type Command } from 'commander';
import { spellingsOf, type CommandLine, type OptionSpec } from '../agent/client/command-lines.ts';
import type { CliContext } from '../entry/context.ts';
import type { DefineVerb } from './verb.ts';

type RunEntry = (argv: readonly string[], context: CliContext) => Promise<number>;

/** `load` imports the entry when the command runs. */
export function defineEntryCommand(
  line: CommandLine,
  notes: string,
  load: () => Promise<RunEntry>,
): DefineVerb {
  return (program, run) => {
    const command = program.command(line.name).description(line.description);
    for (const [name, help] of Object.entries(line.positionals)) command.argument(name, help);
    addOptions(command, line.options);
    command.addHelpText('after', notes).action(async () => {
      await run(async ({ argv, context }) => await (await load())(argv, context));
    });
  };
}

export function addOptions(command: Command, options: CommandLine['options']): void {
  for (const [name, spec] of Object.entries(options)) command.addOption(optionOf(name, spec));
}

function optionOf(name: string, spec: OptionSpec): Option {
  const placeholder = spec.value === undefined ? '' : ` <${spec.value}>`;
  const option = new Option(`${spellingsOf(name, spec).join(', ')}${placeholder}`, spec.help);
  if (spec.help === undefined) option.hideHelp();
  if (spec.conflicts !== undefined) option.conflicts(spec.conflicts);
  return option;
}
