/**
 * `walvault status`: how far back and how close to now a cluster can be recovered, what is missing and what to do. It only
 * reads, needs no private key, and goes on where a repository or the server cannot be reached.
 */
import { refuseUnknownCluster } from '../../repository/known-cluster.ts';
import { startDeadline } from '../../base/time/deadline.ts';
import { isKnown, knownOf, type StatusFacts } from './facts.ts';
import { gatherHost } from './gather-host.ts';
import { gatherRepository } from './gather-repository.ts';
import { gatherServer } from './gather-server.ts';
import { judge } from './judge.ts';
import type { StatusOptions } from './options.ts';
import type { Status } from './result.ts';

/** @throws WalvaultError `not-found` if the repositories hold other clusters and not this one; the signal's reason */
export async function status(options: StatusOptions): Promise<Status> {
  const deadline = startDeadline(options.timeoutMs, 'status', options.signal);
  try {
    const facts = await gather({ ...options, signal: deadline.signal });
    options.signal.throwIfAborted();
    if (facts.repositories.every(({ systems }) => isKnown(systems) && systems.known.length === 0))
      await refuseUnknownCluster(options.repositories, facts.cluster, deadline.signal);
    return judge(facts, options.now);
  } finally {
    deadline.clear();
  }
}

/** Everything is asked at the same time, as far as one answer does not tell where to ask for the next. */
async function gather(options: StatusOptions): Promise<StatusFacts> {
  const { config } = options;
  const [repositories, around] = await Promise.all([
    Promise.all(options.repositories.map(repository => gatherRepository(repository, options))),
    gatherAround(options),
  ]);
  return {
    cluster: config.cluster,
    ...config.status,
    queueLimitBytes: config.archive.queueLimitBytes,
    repositories,
    ...around,
  };
}

async function gatherAround(options: StatusOptions): Promise<Pick<StatusFacts, 'server' | 'host' | 'agent'>> {
  if (!options.withPostgres) return { server: undefined, host: undefined, agent: undefined };
  const { server, dataDirectory } = await gatherServer(options);
  const host = await gatherHost({
    configured: options.config.dataDirectory,
    ofServer: dataDirectory,
    systemId: knownOf(server)?.systemId,
    signal: options.signal,
  });
  const found = knownOf(host)?.dataDirectory;
  const isAsked = found !== undefined && options.config.agent.mode !== 'off';
  return { server, host, agent: isAsked ? await options.askAgent(found) : undefined };
}
