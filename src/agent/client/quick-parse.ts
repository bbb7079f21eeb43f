/** A parser for the ordinary command lines of push, fetch and agent that loads no library. */
import { optionsOf, spellingsOf, type ParsedLine, type CommandLine } from './command-lines.ts';

/**
 * Reads a command line by its table. Undefined for another verb and for anything unusual: the full parser
 * (`entry/parse-verb.ts`) reads that, or says what is wrong. Where both parsers have a result, it is the same.
 */
export function quickParse<Line extends CommandLine>(
  argv: readonly string[],
  line: Line,
): ParsedLine<Line> | undefined {
  const bySpelling = new Map<string, { readonly name: string; readonly hasValue: boolean }>();
  const values: Record<string, string | boolean | undefined> = {};
  for (const [name, spec] of optionsOf(line)) {
    const hasValue = spec.value !== undefined;
    for (const spelling of spellingsOf(name, spec)) bySpelling.set(spelling, { name, hasValue });
    values[name] = hasValue ? undefined : false;
  }
  const words: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (!word.startsWith('-')) {
      words.push(word);
      continue;
    }
    const [spelling = '', ...given] = word.startsWith('--') ? word.split('=') : [word];
    const option = bySpelling.get(spelling);
    if (option === undefined || (given.length > 0 && !option.hasValue)) return undefined;
    if (option.hasValue) {
      const value = given.length > 0 ? given.join('=') : argv[++index];
      if (value === undefined || value === '' || (given.length === 0 && value.startsWith('-')))
        return undefined;
      values[option.name] = value;
    } else values[option.name] = true;
  }
  const [name, ...positionals] = words;
  if (name !== line.name) return undefined;
  return { values: values as ParsedLine<Line>['values'], positionals };
}
