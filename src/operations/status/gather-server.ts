/** The facts that the server itself tells. */
import { startDeadline } from '../../base/time/deadline.ts';
import { readArchiver } from '../../postgres/server/archiver.ts';
import { connectPostgres, type PgConnection } from '../../postgres/server/connection.ts';
import { countReadySegments } from '../../postgres/server/ready-segments.ts';
import { newestLsn, readServerState } from '../../postgres/server/state.ts';
import type { Fact, ServerFacts } from './facts.ts';
import type { StatusOptions } from './options.ts';
import { factOf } from './unknown.ts';

/** A reachable server answers at once. */
const timeLimitMs = 10_000;

export interface GatheredServer {
  readonly server: Fact<ServerFacts>;
  /** As far as the role may see it. */
  readonly dataDirectory: string | undefined;
}

export async function gatherServer({
  config,
  env,
  signal,
}: Pick<StatusOptions, 'config' | 'env' | 'signal'>): Promise<GatheredServer> {
  const deadline = startDeadline(timeLimitMs, 'asking PostgreSQL', signal);
  let dataDirectory: string | undefined;
  let connection: PgConnection | undefined;
  try {
    const server = await factOf(async () => {
      connection = await connectPostgres({
        connectionString: config.postgres.connection,
        applicationName: 'walvault status',
        env,
        signal: deadline.signal,
      });
      const state = await readServerState(connection);
      ({ dataDirectory } = state);
      return await serverFacts(connection, state);
    });
    return { server, dataDirectory };
  } finally {
    deadline.clear();
    await connection?.close();
  }
}

async function serverFacts(
  connection: PgConnection,
  state: Awaited<ReturnType<typeof readServerState>>,
): Promise<ServerFacts> {
  const { systemId, isStandby, timeline, geometry, archiveMode, archiveTimeoutSeconds } = state;
  return {
    systemId,
    isStandby,
    timeline,
    geometry,
    archiveMode,
    archiveTimeoutSeconds,
    archiver: await readArchiver(connection),
    lsn: await newestLsn(connection, isStandby),
    readySegments: await countReadySegments(connection),
  };
}
