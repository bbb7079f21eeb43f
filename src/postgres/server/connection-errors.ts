/** Errors of a PostgreSQL session, each as one line and a hint. */
import { describeSystemCode, messageOf, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import type { ConnectionTarget } from './libpq/connection-target.ts';

const whereToSay = 'Set PGHOST, PGPORT, PGUSER and PGDATABASE, or postgres.connection in the configuration.';

export function connectError(error: unknown, place: Place, target: ConnectionTarget): WalvaultError {
  if (error instanceof WalvaultError) return error;
  const { reason, hint, retry } = explain(error, target);
  return new WalvaultError('postgres', `cannot connect to PostgreSQL at ${serverOf(place)}: ${reason}`, {
    cause: error,
    hint,
    retry: retry ?? false,
  });
}

/** The error for a server that did what it may not do. It got no password. */
export function refusedServer(place: Place, what: string): WalvaultError {
  return new WalvaultError('postgres', `the server at ${serverOf(place)} is refused: ${what}`, {
    hint: 'Either another server answers there, or pg_hba.conf and the connection options (sslmode, channel_binding, require_auth) do not fit together.',
  });
}

type Place = Pick<ConnectionTarget['places'][number], 'host' | 'port'>;

function serverOf({ host, port }: Place): string {
  return host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : `${host}:${port}`;
}

interface Explanation {
  reason: string;
  hint: string;
  retry?: boolean;
}

function explain(error: unknown, { user, database }: ConnectionTarget): Explanation {
  const message = oneLine(error);
  const code = systemCode(error);
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return {
        reason: code === 'ENOENT' ? 'no server has a socket there' : 'connection refused',
        hint: `Is the server running? ${whereToSay}`,
        retry: true,
      };
    case 'EACCES':
      return { reason: describeSystemCode(code), hint: `The socket belongs to another user. ${whereToSay}` };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { reason: 'the host name is unknown', hint: whereToSay, retry: true };
    case '28P01':
      return { reason: `wrong password for user "${user}"`, hint: passwordHint };
    case '28000':
      return {
        reason: message,
        hint: `The server's pg_hba.conf decides who may connect as "${user}" and from where. ${whereToSay}`,
      };
    case '3D000':
      return {
        reason: `there is no database "${database}"`,
        hint: 'Set PGDATABASE, for example to postgres.',
      };
    case '57P03':
      return {
        reason: message,
        hint: 'The server is starting up or shutting down; try again in a moment.',
        retry: true,
      };
    case '53300':
      return {
        reason: message,
        hint: 'The server has no free connection; raise max_connections.',
        retry: true,
      };
    default:
  }
  if (message.includes('password must be a'))
    return { reason: `the server asks for a password for user "${user}"`, hint: passwordHint };
  if (message.includes('timeout'))
    return {
      reason: 'no answer in time',
      hint: `Is the address right and no firewall between? ${whereToSay}`,
      retry: true,
    };
  return { reason: code === undefined ? message : `${message} (${code})`, hint: whereToSay };
}

const passwordHint =
  'Put the password into ~/.pgpass (mode 0600) or PGPASSWORD, or connect through the local socket.';

export function queryError(error: unknown): WalvaultError {
  if (error instanceof WalvaultError) return error;
  const code = systemCode(error);
  return new WalvaultError('postgres', `postgres: ${oneLine(error)}`, {
    cause: error,
    hint: hintOf(error, code),
  });
}

function hintOf(error: unknown, code: string | undefined): string | undefined {
  if (code === '42501')
    return 'Connect as a superuser, or grant EXECUTE on the functions and membership in pg_monitor to this user.';
  const isFromServer = typeof error === 'object' && error !== null && 'hint' in error;
  return isFromServer && typeof error.hint === 'string' ? error.hint : undefined;
}

function oneLine(error: unknown): string {
  // Connecting to several addresses fails with one error that holds an error for each, and has an empty message.
  const inner =
    error instanceof AggregateError && error.message === '' ? (error.errors[0] as unknown) : error;
  // Before it is known who answers, the text may be anybody's.
  return messageOf(inner).split('\n')[0]?.trim().slice(0, 500) || 'the connection was lost';
}
