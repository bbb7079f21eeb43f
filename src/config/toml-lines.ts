/**
 * Line numbers of the keys in a TOML text, for messages and `config show`, which the TOML reader does not give. Only
 * headings and lines that begin with `key =` are examined. A key in another form is reported without a line.
 *
 * @returns `compression.level` → 4, `repository[0].url` → 9
 */
export function keyLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  let section = '';
  let repositories = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const heading = /^\s*(\[\[?)([^\]]+)\]/.exec(line);
    if (heading !== null) {
      section = bareKey(heading[2] ?? '');
      if (heading[1] === '[[' && section === 'repository') section = `repository[${repositories++}]`;
      // TOML: a table below an element of an array belongs to the last one.
      else if (section.startsWith('repository.') && repositories > 0)
        section = section.replace('repository', `repository[${repositories - 1}]`);
      note(section, index);
      continue;
    }
    const key = /^\s*([\w\-."' ]+?)\s*=/.exec(line)?.[1];
    if (key !== undefined) note(section === '' ? bareKey(key) : `${section}.${bareKey(key)}`, index);
  }
  return lines;

  function note(key: string, index: number): void {
    if (!lines.has(key)) lines.set(key, index + 1);
  }
}

function bareKey(text: string): string {
  return text.replace(/["'\s]/g, '');
}
