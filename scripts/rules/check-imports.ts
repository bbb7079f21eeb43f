/** Compares the imports of every source file with the table in `import-rules.ts`, and looks for circles among them. */
import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { findCircles } from './find-circles.ts';
import { importRules, packageRules, roomOf } from './import-rules.ts';

/** @returns one line for each import that no rule allows, and one for each circle */
export async function findForbiddenImports(sourceDirectory: string): Promise<string[]> {
  const imports = await readImports(sourceDirectory);
  const forbidden = [...imports].flatMap(([file, specifiers]) =>
    specifiers.flatMap(specifier => complaintAbout(file, specifier)),
  );
  const graph = new Map(
    [...imports].map(([file, specifiers]) => [
      nameOf(file),
      specifiers.filter(isOurs).map(specifier => resolveImport(file, specifier)),
    ]),
  );
  const circles = findCircles(graph).map(circle => `circle of imports: ${circle.join(' → ')}`);
  return [...forbidden, ...circles];
}

/** From each source file, with its extension, to what it imports, as it is written there. */
async function readImports(sourceDirectory: string): Promise<Map<string, string[]>> {
  const entries = await readdir(sourceDirectory, { recursive: true });
  const files = entries.filter(name => name.endsWith('.ts')).toSorted();
  if (files.length === 0) throw new Error(`${sourceDirectory}: no source files`);
  const texts = await Promise.all(files.map(file => readFile(join(sourceDirectory, file), 'utf8')));
  return new Map(files.map((file, index) => [file, importsOf(texts[index] ?? '')]));
}

/** Static, type-only, re-exporting and dynamic imports alike: a type is knowledge of the other room too. */
export function importsOf(text: string): string[] {
  const code = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)(['"])([^'"\n]+)\1/gm;
  return [...code.matchAll(pattern)].map(match => match[2] ?? '');
}

function isOurs(specifier: string): boolean {
  return specifier.startsWith('.');
}

function nameOf(file: string): string {
  return file.replace(/\.ts$/, '');
}

function resolveImport(file: string, specifier: string): string {
  return nameOf(posix.join(posix.dirname(file), specifier));
}

function complaintAbout(file: string, specifier: string): string[] {
  const importer = nameOf(file);
  if (!isOurs(specifier)) return packageComplaint(importer, file, specifier);
  const imported = resolveImport(file, specifier);
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
