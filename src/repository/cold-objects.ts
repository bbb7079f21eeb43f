/**
 * Objects in an archive tier, which must be thawed before they can be read: how to find them and how to thaw them.
 */
import { each } from '../base/threads/each.ts';
import type { ListEntry, Store, ThawOptions, ThawOutcome } from '../stores/store.ts';

export interface ColdObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** The tier in the service's own words: `DEEP_ARCHIVE`, `Archive`. */
  readonly tier: string;
  readonly isThawing: boolean;
}

/** The number of objects in each tier. */
export type TierCounts = Readonly<Record<string, number>>;

/** Concurrent requests for single objects, where the listing does not tell whether an object is cold. */
const headsAtOnce = 16;

/** The cold objects among the entries, in the order of the listing. @throws StoreError */
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

/**
 * The same counts, plus one if the entry lies, or may lie, in an archive tier. An object that is thawed for some days
 * counts.
 */
export function withTierOf(counts: TierCounts | undefined, entry: ListEntry): TierCounts | undefined {
  if ('prefix' in entry || entry.cold === undefined) return counts;
  const { tier = 'an archive tier' } = entry;
  return { ...counts, [tier]: (counts?.[tier] ?? 0) + 1 };
}

export function sumTiers(all: readonly (TierCounts | undefined)[]): TierCounts {
  const sum = new Map<string, number>();
  for (const counts of all)
    for (const [tier, count] of Object.entries(counts ?? {})) sum.set(tier, (sum.get(tier) ?? 0) + count);
  return Object.fromEntries(sum);
}

export type ThawCounts = Record<ThawOutcome, number>;

/**
 * Asks the service to thaw all objects.
 * @throws StoreError; earlier requests stay in force, and repeating them is harmless
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
