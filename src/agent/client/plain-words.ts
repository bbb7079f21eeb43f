/** A command line cut into words, for verbs that must not load a parser. */

export interface PlainWords {
  /** The verb first. */
  readonly words: readonly string[];
  readonly configPath: string | undefined;
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** Of the options that were announced to have one. */
  readonly values: ReadonlyMap<string, string>;
  /** All others, as they were written. */
  readonly flags: ReadonlySet<string>;
}

/** Undefined when an option lacks its value: the real parser says so. */
export function plainWords(
  argv: readonly string[],
  withValue: readonly string[] = [],
): PlainWords | undefined {
  const words: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    const [option = '', ...given] = word.split('=');
    if (option === '--config' || withValue.includes(option)) {
      const value = given.length > 0 ? given.join('=') : argv[++index];
      if (value === undefined || value === '') return undefined;
      values.set(option, value);
    } else if (word.startsWith('-')) flags.add(word);
    else words.push(word);
  }
  const verbose = flags.delete('-v') || flags.delete('--verbose');
  const quiet = flags.delete('-q') || flags.delete('--quiet');
  return { words, configPath: values.get('--config'), verbose, quiet, values, flags };
}
