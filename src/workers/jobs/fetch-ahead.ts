/** The job that fetches a segment before a recovery asks for it. */
import type { FileIdentity } from '../../base/files/identity.ts';
import { Turns } from '../../base/threads/turns.ts';
import { fetchAhead } from '../../operations/fetch/fetch-ahead.ts';
import { Laggards } from '../../operations/fetch/laggards.ts';
import { garbageCollector } from '../collect-garbage.ts';
import type { Job, Workshop } from '../job.ts';

export interface FetchAhead {
  readonly name: string;
  /** Absolute. When the job ends, the file is there, whole, verified and durable, or it is not there at all. */
  readonly destination: string;
  readonly systemId: bigint;
  readonly segmentSizeBytes: number;
  /** Longest time in which nothing arrives: a question for this segment waits meanwhile. */
  readonly silenceMs: number;
}

/**
 * Bytes of buffers that need no collection. The whole segment is given back at once; the pieces in which it arrived are
 * left.
 */
const keptBytes = 24 * 1024 ** 2;

/** The job's output is undefined when no repository has the segment and none failed. */
export async function openFetchAhead({
  config,
  repositories,
}: Workshop): Promise<Job<FetchAhead, FileIdentity | undefined>> {
  const shared = { repositories: await repositories(), turns: new Turns(), laggards: new Laggards() };
  const { cluster, archive } = config;
  const collectGarbage = garbageCollector(keptBytes);
  return async ({ systemId, ...segment }, { log, signal, onProgress }) => {
    try {
      return await fetchAhead({
        ...segment,
        ...shared,
        system: { cluster, systemId },
        headerCheck: archive.headerCheck,
        onReceived: onProgress,
        log,
        signal,
      });
    } finally {
      collectGarbage();
    }
  };
}
