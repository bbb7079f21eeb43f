/**
 * One session with a PostgreSQL server, opened by libpq's rules. It reads PGHOST (a directory means a socket), PGPORT,
 * PGUSER, PGDATABASE, PGSERVICE, PGSSLMODE, `.pgpass`… Values come back as the text that PostgreSQL sends (`t`, `f`,
 * `0/16B3740`).
 */
import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Client, type ClientConfig, type Connection } from 'pg';
import { messageOf, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import type { SecretSource } from '../../base/secret.ts';
import { connectError, queryError, refusedServer } from './connection-errors.ts';
import { resolveTarget, type ConnectionTarget } from './libpq/connection-target.ts';
import { readPasswordFile } from './libpq/password-file.ts';
import { tlsOptions } from './libpq/tls-options.ts';
import { WatchedConnection } from './watched-connection.ts';

export interface PgConnection {
  /** @throws WalvaultError `postgres`, with PostgreSQL's words and a hint */
  query<T extends object = Record<string, string | null>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<T[]>;
  close(): Promise<void>;
  /** The number server_version_num, such as 150018. */
  readonly serverVersion: number;
}

export interface ConnectOptions {
  readonly connectionString?: SecretSource | undefined;
  /** In place of the one that the connection string or the environment names. */
  readonly database?: string | undefined;
  readonly applicationName?: string;
  /** Ends the session at once, even during a query. */
  readonly signal: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
}

/** @throws WalvaultError `postgres`, or `config` for settings that make no sense */
export async function connectPostgres(options: ConnectOptions): Promise<PgConnection> {
  options.signal.throwIfAborted();
  const env = options.env ?? process.env;
  const named = await resolveTarget(options.connectionString, env);
  const target = { ...named, database: options.database ?? named.database };
  let failure: unknown;
  for (const place of target.places) {
    for (const ssl of await sslAttempts(target, place.host, env)) {
      try {
        return await openSession(target, place, ssl, options);
      } catch (error) {
        options.signal.throwIfAborted();
        failure = connectError(error, place, target);
        if (!isWorthAnotherSslMode(error)) break;
      }
    }
  }
  throw failure;
}

type Place = ConnectionTarget['places'][number];

async function openSession(
  target: ConnectionTarget,
  place: Place,
  ssl: false | ConnectionOptions,
  { signal, applicationName, env }: ConnectOptions,
): Promise<PgConnection> {
  const socket = new Socket();
  const passwordHosts = place.host.startsWith('/') ? [place.host, 'localhost'] : [place.host];
  const { user, database, options, authentication, sslNegotiation } = target;
  const isTls = ssl !== false;
  const connection = new WatchedConnection({
    socket,
    ssl,
    sslNegotiation,
    rule: authentication,
    refused: what => refusedServer(place, what),
  });
  const config: ClientConfig & { readonly connection: Connection } = {
    connection,
    host: place.address,
    port: place.port,
    user,
    database,
    ssl,
    // Given in any case, or the driver would ask the environment.
    sslnegotiation: isTls ? sslNegotiation : 'postgres',
    enableChannelBinding: isTls && authentication.channelBinding !== 'disable',
    password: async () => {
      const query = { hosts: passwordHosts, port: place.port, database, user };
      const found =
        target.password ?? (await readPasswordFile(query, target.passwordFile, env ?? process.env));
      return found?.reveal() ?? '';
    },
    application_name: applicationName ?? 'walvault',
    connectionTimeoutMillis: target.connectTimeoutMs,
    types: { getTypeParser: () => (value: unknown) => value },
    ...(options === undefined ? {} : { options }),
  };
  const client = new Client(config);
  let lost: unknown;
  client.on('error', error => {
    lost ??= error;
  });
  const onAbort = () => socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  const release = () => {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  };
  const query = async <T extends object>(sql: string, params?: readonly unknown[]): Promise<T[]> => {
    signal.throwIfAborted();
    try {
      const result = await client.query<T>(sql, params === undefined ? undefined : [...params]);
      // A server that ends one statement several times gives the driver an array of results.
      if (!Array.isArray(result)) return result.rows;
      throw new Error('one statement was answered as several');
    } catch (error) {
      signal.throwIfAborted();
      throw queryError(lost ?? error);
    }
  };
  try {
    await client.connect();
    if (connection.refusal !== undefined) throw connection.refusal;
    await query(ownNamesSql);
    const version = await query<{ version: string }>(prepareSessionSql);
    return {
      query,
      serverVersion: Number(version[0]?.version),
      async close() {
        await client.end().catch(() => undefined);
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * From here on every name is one of PostgreSQL's. The owner of a database chooses its search_path, and could have ours run
 * functions of his with our rights (CVE-2018-1058); so this statement alone names the schema.
 */
const ownNamesSql = `select pg_catalog.set_config('search_path', 'pg_catalog', false)`;

/**
 * Turns off limits that a database or role may have set, which would end a backup in the middle. Our queries hold no
 * locks.
 */
const prepareSessionSql = `
  select current_setting('server_version_num') as version, count(set_config(name, '0', false))
  from pg_settings
  where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
                 'idle_session_timeout', 'transaction_timeout')`;

/**
 * TLS settings to try, in order: `prefer` falls back to a plain connection, `allow` to an encrypted one. Sockets have
 * no TLS.
 * @throws WalvaultError `config` where channel binding is required and cannot be
 */
async function sslAttempts(
  target: ConnectionTarget,
  host: string,
  env: NodeJS.ProcessEnv,
): Promise<(false | ConnectionOptions)[]> {
  const { sslMode, authentication } = target;
  const isBound = authentication.channelBinding === 'require';
  if (host.startsWith('/') || sslMode === 'disable') {
    if (!isBound) return [false];
    throw new WalvaultError('config', `postgres connection: channel_binding=require needs TLS to ${host}`, {
      hint: 'Connect to an address with sslmode=verify-full; require_auth is possible without TLS.',
    });
  }
  const secure = await tlsOptions(target, host, env);
  if (isBound) return [secure];
  if (sslMode === 'prefer') return [secure, false];
  return sslMode === 'allow' ? [false, secure] : [secure];
}

/** True if the server has no TLS, or its pg_hba.conf wants the other kind of connection. */
function isWorthAnotherSslMode(error: unknown): boolean {
  if (error instanceof WalvaultError) return false;
  return systemCode(error) === '28000' || messageOf(error).includes('does not support SSL');
}
