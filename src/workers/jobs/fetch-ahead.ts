/** What a worker thread of the agent needs to fetch segments ahead. */
import type { AheadAnswer, AheadJob } from '../ahead-fetcher.ts';
import { failureOf } from '../../agent/client/protocol.ts';
import type { LogEvent } from '../../base/log.ts';
import { Turns } from '../../base/threads/turns.ts';
import type { Config } from '../../config/index.ts';
import { fetchAhead } from '../../operations/fetch/fetch-ahead.ts';
import { Laggards } from '../../operations/fetch/laggards.ts';
import { openRepositories } from '../../compose/open-repositories.ts';

export interface AheadReader extends AsyncDisposable {
  /** Never rejects. */
  answer(job: AheadJob, signal: AbortSignal): Promise<AheadAnswer>;
}

/** @throws WalvaultError `config` */
export async function openAheadReader(config: Config): Promise<AheadReader> {
  // What is said once of keys and signatures: each fetch by itself would say it too.
  const standing: LogEvent[] = [];
  const opened = await openRepositories(config, { event: event => void standing.push(event) });
  const turns = new Turns();
  const laggards = new Laggards();
  return {
    async answer({ name, destination, systemId, segmentSizeBytes, silenceMs }, signal) {
      const events: LogEvent[] = [];
      try {
        const identity = await fetchAhead({
          name,
          destination,
          segmentSizeBytes,
          system: { cluster: config.cluster, systemId },
          headerCheck: config.archive.headerCheck,
          silenceMs,
          repositories: opened.repositories,
          log: { event: event => void events.push(event) },
          signal,
          turns,
          laggards,
        });
        if (identity === undefined) return { kind: 'absent' };
        return { kind: 'ready', events: [...standing, ...events], identity };
      } catch (error) {
        return { kind: 'failed', events: [...standing, ...events], failure: failureOf(error) };
      }
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
