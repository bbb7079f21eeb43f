/** Help that fits the terminal. Commander wraps what it makes itself; the notes behind it are wrapped here. */
import { Command, type AddHelpTextContext, type AddHelpTextPosition } from 'commander';

/** Without a terminal, and for lines that a terminal cannot show in full. */
const usualWidth = 80;
/** Longer lines of prose are hard to read, however wide the terminal. */
const widestProse = 120;

/** The width for help: the terminal's, or the one that the environment names, as for `less` and `man`. */
export function helpWidth(terminalColumns: number | undefined, env: NodeJS.ProcessEnv): number {
  const named = Number(env['COLUMNS']);
  return terminalColumns ?? (Number.isInteger(named) && named > 0 ? named : usualWidth);
}

/** A command whose notes, added as text, are wrapped to the width of its help. */
export class HelpfulCommand extends Command {
  override createCommand(name?: string): Command {
    return new HelpfulCommand(name);
  }

  override addHelpText(
    position: AddHelpTextPosition,
    text: string | ((context: AddHelpTextContext) => string),
  ): this {
    if (typeof text !== 'string') return super.addHelpText(position, text);
    const width = () => this.configureOutput().getOutHelpWidth?.() ?? usualWidth;
    return super.addHelpText(position, () => wrapNotes(text, width()));
  }
}

/** Wraps each paragraph; indented lines are commands, to be copied as they are, and stay. */
export function wrapNotes(text: string, width: number): string {
  const limit = Math.min(width, widestProse);
  const lines: string[] = [];
  let isOpen = false;
  for (const line of text.split('\n')) {
    const isProse = line !== '' && !line.startsWith(' ');
    if (!isProse) lines.push(line);
    for (const word of isProse ? line.split(' ') : []) {
      const last = lines.at(-1);
      if (isOpen && last !== undefined && last.length + 1 + word.length <= limit)
        lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
      isOpen = true;
    }
    isOpen = isProse;
  }
  return lines.join('\n');
}
