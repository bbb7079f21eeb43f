/**
 * Which archived WAL is believed. A listing gives names only, and whoever may add objects can add names. Where a
 * signature is required, WAL counts only where a trusted signer signed it.
 *
 * A look costs a request, so only some objects are looked at: nobody can plant between segments that exist. The work is
 * bounded also where thousands were planted.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { each } from '../../base/threads/each.ts';
import { largestSegmentBytes, type WalGeometry } from '../../postgres/wal/geometry.ts';
import { count, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { ListEntry } from '../../stores/store.ts';
import { needsSignature } from '../encoding/signature-policy.ts';
import { parseWalKey, walKey, walTimelinePrefix, type SystemPath } from '../format/layout.ts';
import { judgeMetadata } from '../format/metadata-signature.ts';
import type { Repository } from '../repository.ts';
import { openWalObject } from './read-object.ts';

/** So many objects are read as a whole, for a signature inside, where the one over the metadata is lost. */
const mostRead = 32;
/** So many runs of segments are looked at, the longest first. The others prove nothing. */
const mostRuns = 1000;
const runsAtOnce = 8;

/** Looks at WAL objects one by one. */
class WalBelief {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  #readCount = 0;

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /** True if the policy believes the object's author. @throws StoreError */
  async holds(key: string): Promise<boolean> {
    const { store, codec } = this.#repository;
    if (!needsSignature(codec.policy)) return true;
    const stat = await store.head(key, { signal: this.#signal });
    if (stat === undefined) return false;
    const { status } = await judgeMetadata(codec.keyring, key, stat.metadata);
    if (status === 'good') return true;
    return status === 'unsigned' && this.#readCount++ < mostRead && (await this.#isSound(key));
  }

  /** True if this host can read the object, and the policy believes the signature inside. */
  async #isSound(key: string): Promise<boolean> {
    const { plain, release } = await openWalObject(this.#repository, key, {
      limitBytes: largestSegmentBytes,
      signal: this.#signal,
    });
    try {
      for await (const _ of plain) this.#signal.throwIfAborted();
      return true;
    } catch (error) {
      if (error instanceof WalvaultError && ['damaged', 'key'].includes(error.code)) return false;
      throw error;
    } finally {
      release();
    }
  }
}

/** True if the object under the key is there, and believed. @throws StoreError */
export async function isBelievedWal(
  repository: Repository,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  return await new WalBelief(repository, signal).holds(key);
}

/** The first of the keys whose object is there and believed. @throws StoreError */
export async function firstBelieved(
  repository: Repository,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const belief = new WalBelief(repository, signal);
  for (const key of keys) if (await belief.holds(key)) return key;
  return undefined;
}

/**
 * True if WAL in the listing is believed. Segments and other objects (partials, kept conflicts) are sampled apart:
 * of those there can be any number at one position.
 * @throws StoreError
 */
export async function holdsBelievedWal(
  repository: Repository,
  listing: AsyncIterable<ListEntry>,
  signal: AbortSignal,
): Promise<boolean> {
  const belief = new WalBelief(repository, signal);
  const seen = { segments: 0, others: 0 };
  for await (const entry of listing) {
    const parsed = 'key' in entry && entry.sizeBytes > 0 ? parseWalKey(entry.key) : undefined;
    if (parsed === undefined || 'prefix' in entry || parsed.file.kind === 'history') continue;
    const kind = parsed.kind === 'file' && parsed.file.kind === 'segment' ? 'segments' : 'others';
    const index = seen[kind]++;
    if (index % stepAt(index) === 0 && (await belief.holds(entry.key))) return true;
  }
  return false;
}

/** True if WAL of the timeline is believed. @throws StoreError */
export async function hasBelievedWal(
  repository: Repository,
  system: SystemPath,
  timeline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const listing = repository.store.list({ prefix: walTimelinePrefix(system, timeline), signal });
  return await holdsBelievedWal(repository, listing, signal);
}

/**
 * How far to go from object `index` to the next one that is looked at: each of the first 32 is, then 16 of each doubling.
 * What is planted hides something genuine only where it is sixteen times as much; of a million objects 270 are looked at.
 */
function stepAt(index: number): number {
  return index < 32 ? 1 : 2 ** (Math.floor(Math.log2(index)) - 4);
}

/**
 * The parts of the runs that are not believed. Only the ends of a run are looked at: something planted in a hole joins
 * two runs, and is found by the recovery that reads it.
 * @throws StoreError
 */
export async function findForeignWal(
  repository: Repository,
  system: SystemPath,
  runs: readonly SegmentRange[],
  { geometry, signal }: { readonly geometry: WalGeometry; readonly signal: AbortSignal },
): Promise<SegmentRange[]> {
  if (!needsSignature(repository.codec.policy)) return [];
  const longestFirst = runs.toSorted((a, b) => count(b) - count(a));
  const foreign = longestFirst.slice(mostRuns);
  const belief = new WalBelief(repository, signal);
  await each(longestFirst.slice(0, mostRuns), runsAtOnce, async run => {
    const known = new Map<bigint, Promise<boolean>>();
    const holds = (segment: bigint): Promise<boolean> => {
      const found =
        known.get(segment) ?? belief.holds(walKey(system, geometry.fileOf(run.timeline, segment)));
      known.set(segment, found);
      return found;
    };
    foreign.push(...(await foreignPartsOf(run, holds)));
  });
  return foreign;
}

type Look = (segment: bigint) => Promise<boolean>;

/** What is planted beside genuine WAL is at the ends, so that halving finds where it begins. */
async function foreignPartsOf(run: SegmentRange, holds: Look): Promise<SegmentRange[]> {
  const [hasFirst, hasLast] = [await holds(run.first), await holds(run.last)];
  if (hasFirst && hasLast) return [];
  const anchor = hasFirst ? run.first : hasLast ? run.last : await findWithin(run, holds);
  if (anchor === undefined) return [run];
  const first = hasFirst ? run.first : await halve(anchor, run.first, holds);
  const last = hasLast ? run.last : await halve(anchor, run.last, holds);
  return [
    { ...run, last: first - 1n },
    { ...run, first: last + 1n },
  ].filter(part => part.first <= part.last);
}

async function findWithin(run: SegmentRange, holds: Look): Promise<bigint | undefined> {
  const size = count(run);
  for (let index = 0; index < size; index += stepAt(index)) {
    const segment = run.first + BigInt(index);
    if (await holds(segment)) return segment;
  }
  return undefined;
}

/** The last believed segment on the way from `believed` to `foreign`. */
async function halve(believed: bigint, foreign: bigint, holds: Look): Promise<bigint> {
  let [good, bad] = [believed, foreign];
  for (;;) {
    const middle = (good + bad) / 2n;
    if (middle === good || middle === bad) return good;
    if (await holds(middle)) good = middle;
    else bad = middle;
  }
}
