/** The newest figures in docs/benchmarks.md: a generated block between two markers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const path = resolve(import.meta.dirname, '../../docs/benchmarks.md');
const [start, end] = ['<!-- npm run bench -- --write -->', '<!-- end of what it wrote -->'];

/** @throws Error when the markers are not there */
export function replaceFigures(figures: string): void {
  const text = readFileSync(path, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`${path}: no ${start} followed by ${end}`);
  writeFileSync(path, `${text.slice(0, from)}${start}\n\n${figures}\n\n${text.slice(to)}`);
}
