/** The description of the source tree: a heading for each folder, a line for each file. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Describes the tree. @throws Error that names the files without a docstring */
export function describeRooms(sourceDirectory: string): string {
  const files = readdirSync(sourceDirectory, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .toSorted();
  const lines = files.map(file => ({
    file,
    says: firstSentence(readFileSync(join(sourceDirectory, file), 'utf8')),
  }));
  const silent = lines.filter(({ says }) => says === '');
  if (silent.length > 0)
    throw new Error(`begins without a docstring: ${silent.map(({ file }) => file).join(' ')}`);
  const folders = Map.groupBy(lines, ({ file }) => file.split('/').slice(0, -1).join('/'));
  const sections = [...folders]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([folder, entries]) => {
      const rows = entries.map(({ file, says }) => `| \`${file.split('/').at(-1)}\` | ${says} |`);
      return `## ${folder === '' ? 'src' : folder}\n\n| file | |\n|---|---|\n${rows.join('\n')}\n`;
    });
  return `${head}\n${sections.join('\n')}`;
}

const head = `# Every file, in its own words

Written by \`npm run rooms\` from the sources: the first sentence of each file. docs/ARCHITECTURE.md has the plan.
`;

/** The first sentence of the first docstring, in one line. It escapes bars, which would end a cell of the table. */
export function firstSentence(source: string): string {
  const comment = /^\/\*\*([^]*?)\*\//.exec(source)?.[1] ?? '';
  const text = comment
    .split('\n')
    .map(line => line.replace(/^\s*\*? ?/, '').trim())
    .join('\n')
    .trim();
  const paragraph = (text.split('\n\n')[0] ?? '').replaceAll('\n', ' ');
  const sentence = /^.*?[.:](?=\s+[A-Z@]|$)/.exec(paragraph)?.[0] ?? paragraph;
  return sentence
    .replaceAll('|', '\\|')
    .replace(/\s*@\w+.*$/, '')
    .replace(/:$/, '.')
    .trim();
}
