/** Digests of the segments that a server hands to its archiver, taken from pg_wal itself. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseWalFileName } from '../../../src/postgres/wal/file-name.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';

export class Originals {
  readonly #walDirectory: string;
  readonly #digests = new Map<string, string>();

  constructor({ dataDirectory }: PostgresServer) {
    this.#walDirectory = join(dataDirectory, 'pg_wal');
  }

  /** By name. */
  get digests(): ReadonlyMap<string, string> {
    return this.#digests;
  }

  /** Of what is finished by now. To be called more often than `wal_keep_size` takes to be written. */
  take(): void {
    for (const name of readdirSync(join(this.#walDirectory, 'archive_status'))) {
      const segment = name.replace(/\.(?:ready|done)$/, '');
      if (this.#digests.has(segment) || parseWalFileName(segment)?.kind !== 'segment') continue;
      const data = readFileSync(join(this.#walDirectory, segment));
      this.#digests.set(segment, createHash('sha256').update(data).digest('hex'));
    }
  }
}
