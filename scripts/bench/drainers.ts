/** The archivers that drain the backlog: walvault with and without `archive.batch`, and pgBackRest. */
import { agentPlace, type AgentPlace } from '../../test/support/site/agents.ts';
import type { Environment } from '../../test/support/site/run.ts';
import type { PostgresServer } from '../../test/support/servers/postgres-server.ts';
import type { Site } from '../../test/support/site/site.ts';
import { setUpPgBackRest } from './pgbackrest.ts';
import type { S3Address } from './s3-main.ts';

export interface Drainer {
  readonly name: 'archive.batch on' | 'archive.batch off' | 'pgBackRest';
  readonly store: DrainStore;
  /** Empties the repository and gives what the server and its commands have in their environment. */
  prepare(): Promise<{ env: Environment; place?: AgentPlace }>;
  /** Once the server runs. */
  archiveCommand(server: PostgresServer): Promise<string>;
}

export interface DrainStore {
  readonly name: string;
  readonly site: Site;
  /** Where it is a server. */
  readonly address?: S3Address;
  forget(): Promise<void>;
  serverCpuMs?(): Promise<number>;
}

export function walvaultDrainer(store: DrainStore, batch: 'on' | 'off'): Drainer {
  const { site } = store;
  return {
    name: `archive.batch ${batch}`,
    store,
    async prepare() {
      await store.forget();
      const place = agentPlace({ WALVAULT_ARCHIVE_BATCH: batch, WALVAULT_ARCHIVE_JOBS: '4' });
      return { env: { ...site.readerEnv, ...place.env }, place };
    },
    archiveCommand: async () => site.command('push %p'),
  };
}

export function pgBackRestDrainer(store: DrainStore): Drainer {
  const peer = setUpPgBackRest(store.address);
  return {
    name: 'pgBackRest',
    store,
    async prepare() {
      await store.forget();
      peer.forget();
      return { env: {} };
    },
    async archiveCommand(server) {
      await peer.createStanza(server);
      return `${peer.pushCommand} %p`;
    },
  };
}
