/** What a restored server says of its recovery, asked in a session with it. */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { Secret } from '../../../base/secret.ts';
import type { PostmasterPid } from '../../../postgres/cluster/postmaster-pid.ts';
import { connectPostgres } from '../../../postgres/server/connection.ts';
import { parseLsn, type Lsn } from '../../../postgres/wal/lsn.ts';
import type { SessionFacts } from './outcome.ts';

interface Answer extends SessionFacts {
  /** The end of what was replayed; undefined before the first record. */
  readonly lsn: Lsn | undefined;
  /** The time of the last transaction that was replayed, as PostgreSQL writes it. */
  readonly time: string | undefined;
  /** Undefined in recovery. */
  readonly timeline: number | undefined;
}

export type Asked =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'not-yet' }
  /** For good: a wrong password, no such role. */
  | { readonly kind: 'refused'; readonly why: string };

const question = `
  select pg_is_in_recovery() as recovery,
    case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as paused,
    pg_last_wal_replay_lsn() as lsn,
    to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00') as time,
    case when pg_is_in_recovery() then null else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end as timeline`;

/**
 * Asks the very server that `postmaster.pid` describes: what the environment says of other hosts is left out, who is to
 * ask and with which password is taken from it.
 */
export async function askServer(
  { socketDirectory, listenAddress, port }: PostmasterPid,
  { env, signal }: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<Asked> {
  const host = socketDirectory ?? (listenAddress === '*' ? 'localhost' : listenAddress);
  if (host === undefined) return { kind: 'refused', why: 'it listens nowhere' };
  try {
    const connection = await connectPostgres({
      connectionString: new Secret(`host='${quoted(host)}' port=${port} dbname=postgres connect_timeout=5`),
      env: withoutPlace(env),
      signal,
    });
    try {
      const [row] = await connection.query(question);
      const { lsn = null, time = null, timeline = null } = row ?? {};
      return {
        kind: 'answered',
        answer: {
          isInRecovery: row?.['recovery'] === 't',
          isPaused: row?.['paused'] === 't',
          lsn: lsn === null ? undefined : parseLsn(lsn),
          time: time ?? undefined,
          timeline: timeline === null ? undefined : Number.parseInt(timeline, 16),
        },
      };
    } finally {
      await connection.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WalvaultError)) throw error;
    return error.retry ? { kind: 'not-yet' } : { kind: 'refused', why: error.message };
  }
}

/** In a libpq string. */
function quoted(text: string): string {
  return text.replace(/[\\']/g, match => `\\${match}`);
}

const placeVariables = [
  'PGHOST',
  'PGHOSTADDR',
  'PGPORT',
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGDATABASE',
  'PGOPTIONS',
];

function withoutPlace(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !placeVariables.includes(name)));
}
