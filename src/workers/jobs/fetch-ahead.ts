/** Fetches a segment that a recovery will ask for. */
import type { FileIdentity } from '../../base/files/identity.ts';
import { Turns } from '../../base/threads/turns.ts';
import { fetchAhead } from '../../operations/fetch/fetch-ahead.ts';
import { Laggards } from '../../operations/fetch/laggards.ts';
import { garbageCollector } from '../collect-garbage.ts';
import type { Job, Workshop } from '../job.ts';

export interface FetchAhead {
  readonly name: string;
  /** Absolute. Afterwards the file is there, whole, verified and durable, or not at all. */
  readonly destination: string;
  readonly systemId: bigint;
  readonly segmentSizeBytes: number;
  /** Longest time in which nothing arrives: a fetch that asks meanwhile waits for it. */
  readonly silenceMs: number;
}

/** A segment that was fetched has given back what it held itself; what came from a store in pieces is left. */
const keptBytes = 24 * 1024 ** 2;

/** The job's output is undefined where no repository gave the segment, and none failed. */
export async function openFetchAhead({
  config,
  repositories,
}: Workshop): Promise<Job<FetchAhead, FileIdentity | undefined>> {
  const shared = { repositories: await repositories(), turns: new Turns(), laggards: new Laggards() };
  const { cluster, archive } = config;
  const collectGarbage = garbageCollector(keptBytes);
  return async ({ systemId, ...segment }, { log, signal }) => {
    try {
      return await fetchAhead({
        ...segment,
        ...shared,
        system: { cluster, systemId },
        headerCheck: archive.headerCheck,
        log,
        signal,
      });
    } finally {
      collectGarbage();
    }
  };
}
