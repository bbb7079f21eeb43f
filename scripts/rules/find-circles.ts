/** Circles among the imports of a source tree. Imports of types count: two files that import each other can only be read together. */

/** From a file to the files that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/**
 * For each file that lies on a circle and on none that was named before: the shortest way from it back to itself. An
 * empty result proves that there is none.
 */
export function findCircles(graph: ImportGraph): string[][] {
  const circles: string[][] = [];
  const named = new Set<string>();
  for (const file of [...graph.keys()].toSorted()) {
    if (named.has(file)) continue;
    const circle = shortestWayBack(graph, file);
    if (circle === undefined) continue;
    circles.push(circle);
    for (const member of circle) named.add(member);
  }
  return circles;
}

/** Breadth first, so that the way is a shortest one; undefined where no import leads back. */
function shortestWayBack(graph: ImportGraph, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const waiting = [start];
  for (const file of waiting) {
    for (const imported of graph.get(file) ?? []) {
      if (imported === start) return [...wayTo(file, cameFrom), start];
      if (cameFrom.has(imported)) continue;
      cameFrom.set(imported, file);
      waiting.push(imported);
    }
  }
  return undefined;
}

function wayTo(file: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [file];
  for (let before = cameFrom.get(file); before !== undefined; before = cameFrom.get(before))
    way.unshift(before);
  return way;
}
