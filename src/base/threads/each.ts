/**
 * Does `work` for each item, up to `atOnce` side by side, taking the next item only when there is a place for it.
 * The first error ends it: what is under way is waited for, and nothing further is begun.
 */
export async function each<T>(
  items: AsyncIterable<T> | Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const item of items) {
    const task = work(item).then(
      () => undefined,
      (error: unknown) => void failures.push(error),
    );
    const tracked = task.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
    if (underWay.size >= atOnce) await Promise.race(underWay);
    if (failures.length > 0) break;
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
}
