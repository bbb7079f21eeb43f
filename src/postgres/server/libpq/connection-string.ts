/**
 * A parser for libpq's two forms of a connection string. They are `host=/tmp port=5433` and
 * `postgresql://user@host:port/db?sslmode=require` (PostgreSQL documentation, "Connection Strings"). Both become the
 * same map of parameters.
 */
import { WalvaultError } from '../../../base/errors/errors.ts';

export type ConnectionParameters = Map<string, string>;

/** @throws WalvaultError `config`; the message never holds the string, which may hold a password. */
export function parseConnectionString(text: string): ConnectionParameters {
  const trimmed = text.trim();
  if (/^postgres(ql)?:\/\//.test(trimmed)) return parseUri(trimmed);
  // As psql does: a bare word is the name of a database.
  if (trimmed !== '' && !trimmed.includes('=')) return new Map([['dbname', trimmed]]);
  return parseKeywords(trimmed);
}

function parseKeywords(text: string): ConnectionParameters {
  const parameters: ConnectionParameters = new Map();
  const pattern = /\s*([A-Za-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|$)/suy;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) throw bad('it is not a list of name=value pairs');
    const raw = match[2] ?? '';
    const unquoted = raw.startsWith("'") ? raw.slice(1, -1) : raw;
    parameters.set(match[1] ?? '', unquoted.replaceAll(/\\(.)/gsu, '$1'));
  }
  return parameters;
}

/** Not `new URL`: hosts may be lists, socket directories in percent-encoding, or missing altogether. */
function parseUri(text: string): ConnectionParameters {
  const match = /^postgres(?:ql)?:\/\/(?:([^/?#@]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?(.*))?$/u.exec(text);
  if (match === null) throw bad('it is not a URI such as postgresql://user@host:5432/database');
  const [, credentials = '', hosts = '', database = '', query = ''] = match;
  const parameters: ConnectionParameters = new Map();
  const set = (name: string, value: string) => {
    if (value !== '') parameters.set(name, decode(value));
  };
  const colon = credentials.indexOf(':');
  set('user', colon === -1 ? credentials : credentials.slice(0, colon));
  if (colon !== -1) set('password', credentials.slice(colon + 1));
  const places = hosts.split(',').map(place => /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(place));
  if (places.includes(null)) throw bad('its host is not valid');
  set('host', places.map(place => (place?.[1] ?? '').replaceAll(/^\[|\]$/g, '')).join(','));
  const ports = places.map(place => place?.[2] ?? '');
  if (ports.some(port => port !== '')) set('port', ports.join(','));
  set('dbname', database);
  for (const pair of query.split('&').filter(part => part !== '')) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw bad(`its option "${pair}" has no value`);
    parameters.set(decode(pair.slice(0, equals)), decode(pair.slice(equals + 1)));
  }
  // For the sake of JDBC's URIs; any other value is unknown, as in libpq.
  if (parameters.get('ssl') === 'true') {
    parameters.set('sslmode', 'require');
    parameters.delete('ssl');
  }
  return parameters;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw bad('it has a wrong percent-encoding', error);
  }
}

function bad(why: string, cause?: unknown): WalvaultError {
  return new WalvaultError('config', `postgres connection string: ${why}`, {
    cause,
    hint: 'Write it like "host=/var/run/postgresql port=5432 user=postgres" or postgresql://user@host:5432/database.',
  });
}
