/** A merge of two sequences sorted by path, as manifests and the walk are; one entry of each is held in memory. */
import { comparePaths } from '../../../repository/format/manifest.ts';

/**
 * Merges by path. Where both have a path, the entry of `few` replaces that of `many`: a file captured on purpose wins
 * over a file the walk found under the same name.
 */
export async function* mergeSorted<Entry extends { readonly path: string }>(
  many: AsyncIterable<Entry>,
  few: readonly Entry[],
): AsyncGenerator<Entry> {
  const rest = few.toSorted((a, b) => comparePaths(a.path, b.path));
  let next = rest.shift();
  for await (const entry of many) {
    while (next !== undefined && comparePaths(next.path, entry.path) < 0) {
      yield next;
      next = rest.shift();
    }
    if (next?.path === entry.path) {
      yield next;
      next = rest.shift();
    } else {
      yield entry;
    }
  }
  for (; next !== undefined; next = rest.shift()) yield next;
}
