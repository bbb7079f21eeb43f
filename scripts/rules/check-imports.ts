/** Compares the imports of every source file with the table in `import-rules.ts`. */
import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { importRules, packageRules, roomOf } from './import-rules.ts';

/** @returns one line for each import that no rule allows */
export async function findForbiddenImports(sourceDirectory: string): Promise<string[]> {
  const entries = await readdir(sourceDirectory, { recursive: true });
  const files = entries.filter(name => name.endsWith('.ts')).toSorted();
  if (files.length === 0) throw new Error(`${sourceDirectory}: no source files`);
  const complaints = await Promise.all(
    files.map(async file => {
      const text = await readFile(join(sourceDirectory, file), 'utf8');
      return importsOf(text).flatMap(specifier => complaintAbout(file, specifier));
    }),
  );
  return complaints.flat();
}

/** Static, type-only, re-exporting and dynamic imports alike: a type is knowledge of the other room too. */
export function importsOf(text: string): string[] {
  const code = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)(['"])([^'"\n]+)\1/gm;
  return [...code.matchAll(pattern)].map(match => match[2] ?? '');
}

function complaintAbout(file: string, specifier: string): string[] {
  const importer = file.replace(/\.ts$/, '');
  if (!specifier.startsWith('.')) return packageComplaint(importer, file, specifier);
  const imported = posix.join(posix.dirname(file), specifier).replace(/\.ts$/, '');
  if (roomOf(importer) === roomOf(imported)) return [];
  const rule = importRules.find(each => each.from.test(importer));
  if (rule?.mayImport.some(allowed => allowed.test(imported)) === true) return [];
  return [`${file} imports ${imported}: ${roomOf(importer)} may not import ${roomOf(imported)}`];
}

function packageComplaint(importer: string, file: string, specifier: string): string[] {
  const rule = packageRules.find(each => each.name.test(specifier));
  if (rule === undefined) return [`${file} imports ${specifier}: no rule names this package`];
  return rule.only.test(importer)
    ? []
    : [`${file} imports ${specifier}: allowed in ${rule.only.source} only`];
}
