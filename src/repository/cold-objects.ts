/** What lies in an archive tier and cannot be read before the service has brought it back, and asking for that. */
import { each } from '../base/threads/each.ts';
import type { ListEntry, Store, ThawOptions, ThawOutcome } from '../stores/store.ts';

export interface ColdObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** In the service's own words: `DEEP_ARCHIVE`, `Archive`. */
  readonly tier: string;
  readonly isThawing: boolean;
}

/** Tiers and how many objects are in each. */
export type TierCounts = Readonly<Record<string, number>>;

/** Where a listing alone does not tell, the object itself is asked about. */
const headsAtOnce = 16;

/** In the order of the listing. @throws StoreError */
export async function* coldObjects(
  store: Store,
  entries: AsyncIterable<ListEntry>,
  signal: AbortSignal,
): AsyncGenerator<ColdObject> {
  let batch: Listed[] = [];
  for await (const entry of entries) {
    if ('prefix' in entry || entry.cold === undefined) continue;
    batch.push(entry);
    if (batch.length < headsAtOnce) continue;
    yield* await withoutReadable(store, batch, signal);
    batch = [];
  }
  yield* await withoutReadable(store, batch, signal);
}

type Listed = Exclude<ListEntry, { readonly prefix: string }>;

async function withoutReadable(
  store: Store,
  entries: readonly Listed[],
  signal: AbortSignal,
): Promise<ColdObject[]> {
  const known = await Promise.all(
    entries.map(async entry => (entry.cold === 'perhaps' ? await store.head(entry.key, { signal }) : entry)),
  );
  return known.flatMap(object => {
    if (object?.cold === undefined) return [];
    const { key, sizeBytes, tier = 'an archive tier', cold } = object;
    return [{ key, sizeBytes, tier, isThawing: cold === 'thawing' }];
  });
}

/** The same counts and one more, if the entry lies in an archive tier or may: what was thawed for some days counts. */
export function withTierOf(counts: TierCounts | undefined, entry: ListEntry): TierCounts | undefined {
  if ('prefix' in entry || entry.cold === undefined) return counts;
  const { tier = 'an archive tier' } = entry;
  return { ...counts, [tier]: (counts?.[tier] ?? 0) + 1 };
}

export function sumTiers(all: readonly (TierCounts | undefined)[]): TierCounts {
  const sum: Record<string, number> = {};
  for (const counts of all)
    for (const [tier, count] of Object.entries(counts ?? {})) sum[tier] = (sum[tier] ?? 0) + count;
  return sum;
}

export type ThawCounts = Record<ThawOutcome, number>;

/**
 * Asks for all of them.
 * @throws StoreError; what was asked for by then stays asked for, and asking again is harmless
 */
export async function thawObjects(
  store: Store,
  keys: AsyncIterable<{ readonly key: string }>,
  options: ThawOptions,
): Promise<ThawCounts> {
  const counts: ThawCounts = { readable: 0, requested: 0, 'under-way': 0 };
  await each(keys, headsAtOnce, async ({ key }) => {
    counts[(await store.thaw?.(key, options)) ?? 'readable']++;
  });
  return counts;
}
