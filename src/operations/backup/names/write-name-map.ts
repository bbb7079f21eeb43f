/**
 * The name map of a backup, written while the server still runs: later only a restored server could tell the names.
 *
 * A database that cannot be read is named with the reason, and the backup goes on: its files are there all the same.
 */
import type { Config } from '../../../config/index.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { namesKey, type SystemPath } from '../../../repository/format/layout.ts';
import type { StoredPiece } from '../../../repository/format/backup-record.ts';
import type { PartSet } from '../../../repository/sets/part-set.ts';
import { Spool } from '../collect/spool.ts';
import { collectNames } from './collect-names.ts';

export interface NameMapOptions {
  readonly id: string;
  readonly attempt: number;
  readonly config: Pick<Config, 'postgres'>;
  readonly connection: PgConnection;
  readonly env: NodeJS.ProcessEnv;
  readonly system: SystemPath;
  readonly set: PartSet;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The most databases that a warning names. */
const namedDatabases = 5;

/**
 * Collects the names in a temporary file first: neither a slow store nor a second attempt to write keeps sessions open.
 * @throws WalvaultError
 */
export async function writeNameMap(options: NameMapOptions): Promise<StoredPiece> {
  const { id, attempt, system, set, log } = options;
  await using spool = await Spool.create();
  const unread = await collectNames(spool, options);
  if (unread.length > 0)
    log.emit({
      kind: 'databases-not-named',
      count: unread.length,
      databases: unread.slice(0, namedDatabases),
    });
  return await set.writePiece(namesKey(system, { id, attempt }, set.destinations.codec.suffix), () =>
    spool.read(),
  );
}
