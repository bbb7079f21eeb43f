/** Who drains the backlog: walvault to each kind of repository, with and without `archive.batch`. */
import { agentPlace, type AgentPlace } from '../../test/harness/agents.ts';
import type { PostgresServer } from '../../test/harness/postgres-server.ts';
import type { Site } from '../../test/harness/site.ts';

export interface Drainer {
  readonly name: string;
  /** Where to. */
  readonly store: string;
  /** Empties the repository and gives what the server and its commands have in their environment. */
  prepare(): Promise<{ env: Readonly<Record<string, string>>; place?: AgentPlace }>;
  /** Once the server runs. */
  archiveCommand(server: PostgresServer): Promise<string>;
  /** Limit of the rate beside zstd. */
  readonly atLeast?: number;
  /** The store's own processor time so far, where it is a server. */
  storeCpuMs?(): Promise<number>;
}

export interface DrainedSite {
  readonly name: string;
  readonly site: Site;
  forget(): Promise<void>;
  serverCpuMs?(): Promise<number>;
}

const batches = { on: 0.9, off: 0.55 } as const;

export function walvaultDrainers({ name, site, forget, serverCpuMs }: DrainedSite): Drainer[] {
  return (['on', 'off'] as const).map(batch => ({
    name: `draining to ${name}, archive.batch ${batch}`,
    store: name,
    atLeast: batches[batch],
    async prepare() {
      await forget();
      const place = agentPlace({ WALVAULT_ARCHIVE_BATCH: batch, WALVAULT_ARCHIVE_JOBS: '4' });
      return { env: { ...site.readerEnv, ...place.env }, place };
    },
    archiveCommand: async () => site.command('push %p'),
    ...(serverCpuMs && { storeCpuMs: serverCpuMs }),
  }));
}
