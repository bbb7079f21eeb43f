/**
 * Runs `work` for each item, up to `atOnce` at the same time; the next item is taken only when one of them has ended.
 * After the first error no further item is begun; the error is thrown when the running ones have ended.
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

/** The result of `work` for each item, in their order; up to `atOnce` at the same time. Throws as `each` does. */
export async function mapEach<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  await each(items.entries(), atOnce, async ([index, item]) => {
    results[index] = await work(item);
  });
  return results;
}
