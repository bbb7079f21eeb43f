/** Items that name their parents, as a tree: each one behind its parent, in the order that they have. Pure. */

export interface TreeItem<T> {
  readonly item: T;
  /** 0 for an item whose parent is not among them. */
  readonly depth: number;
}

/**
 * Every item is there once, also where parents run in a circle, as a hostile store may have them. Items are told apart by
 * their ids: a view of a value makes new objects each time.
 */
export function treeOf<T, Id>(
  items: readonly T[],
  { idOf, parentOf }: { readonly idOf: (item: T) => Id; readonly parentOf: (item: T) => Id | undefined },
): TreeItem<T>[] {
  const ids = new Set(items.map(idOf));
  const children = new Map<Id | undefined, T[]>();
  for (const item of items) {
    const named = parentOf(item);
    const parent = named !== undefined && ids.has(named) ? named : undefined;
    const siblings = children.get(parent) ?? [];
    children.set(parent, siblings);
    siblings.push(item);
  }
  const tree: TreeItem<T>[] = [];
  const placed = new Set<Id>();
  const place = (root: T) => {
    // Not by recursion: a chain may be as long as its writer likes.
    const waiting: TreeItem<T>[] = [{ item: root, depth: 0 }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const id = idOf(next.item);
      if (placed.has(id)) continue;
      placed.add(id);
      tree.push(next);
      const below = children.get(id) ?? [];
      for (const item of below.toReversed()) waiting.push({ item, depth: next.depth + 1 });
    }
  };
  for (const root of children.get(undefined) ?? []) place(root);
  for (const item of items) place(item);
  return tree;
}
