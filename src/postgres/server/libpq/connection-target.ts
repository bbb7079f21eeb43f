/**
 * The target of a connection: where and how to connect. Sources, in this order, are a connection string, a service, the
 * environment and libpq's defaults (fe-connect.c, conninfo_add_defaults).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { accountName } from '../../../base/account.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { Secret, type SecretSource } from '../../../base/secret.ts';
import { checkOptionNames, demandingVariables, refuseDemands } from './known-options.ts';
import { parseConnectionString, type ConnectionParameters } from './connection-string.ts';
import { readService } from './service-file.ts';

export type SslVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface ConnectionTarget {
  /** Tried in order. A host that starts with `/` is the directory of a socket. */
  readonly places: readonly { readonly host: string; readonly address: string; readonly port: number }[];
  readonly user: string;
  readonly database: string;
  readonly password: Secret | undefined;
  readonly passwordFile: string | undefined;
  readonly sslMode: SslMode;
  readonly sslRootCertificate: string | undefined;
  readonly sslCertificate: string | undefined;
  readonly sslKey: string | undefined;
  /** Opens the key. */
  readonly sslPassword: Secret | undefined;
  readonly sslRevocationList: string | undefined;
  readonly sslMinVersion: SslVersion | undefined;
  readonly sslMaxVersion: SslVersion | undefined;
  readonly connectTimeoutMs: number;
  /** Server settings for the session, as `-c name=value`. */
  readonly options: string | undefined;
}

const environmentNames: Readonly<Record<string, string>> = {
  ...demandingVariables,
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  service: 'PGSERVICE',
  options: 'PGOPTIONS',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslcrl: 'PGSSLCRL',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  connect_timeout: 'PGCONNECT_TIMEOUT',
};

/** @throws WalvaultError `config`, `local-io` */
export async function resolveTarget(
  connectionString: SecretSource | undefined,
  env: NodeJS.ProcessEnv,
): Promise<ConnectionTarget> {
  const given = parseConnectionString((await connectionString?.read())?.reveal() ?? '');
  checkOptionNames(given.keys(), 'postgres connection');
  const serviceName = given.get('service') ?? env['PGSERVICE'];
  const service = serviceName
    ? await readService(serviceName, env, given.get('servicefile'))
    : new Map<string, string>();
  const value = (name: string): string | undefined =>
    notEmpty(given.get(name)) ?? notEmpty(service.get(name)) ?? notEmpty(env[environmentNames[name] ?? '']);
  refuseDemands(value);
  const user = value('user') ?? ownName();
  return {
    places: placesOf(value),
    user,
    database: databaseOf(value('dbname'), given) ?? user,
    password: secretOf(value('password')),
    passwordFile: value('passfile'),
    sslMode: sslModeOf(value('sslmode') ?? 'prefer'),
    sslRootCertificate: value('sslrootcert'),
    sslCertificate: value('sslcert'),
    sslKey: value('sslkey'),
    sslPassword: secretOf(value('sslpassword')),
    sslRevocationList: value('sslcrl'),
    sslMinVersion: sslVersionOf('ssl_min_protocol_version', value),
    sslMaxVersion: sslVersionOf('ssl_max_protocol_version', value),
    connectTimeoutMs: timeoutOf(value('connect_timeout')),
    options: value('options'),
  };
}

/** The default user, as in libpq. @throws WalvaultError `config` for an account without a name */
function ownName(): string {
  const name = accountName();
  if (name !== undefined) return name;
  throw new WalvaultError(
    'config',
    `postgres connection: no user is given, and this process's user id ${process.getuid?.()} has no name`,
    { hint: 'Write user=… into postgres.connection, or set PGUSER.' },
  );
}

function notEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/**
 * The name of the database. `replication=…` is a parameter of other tools; here it would open a session that cannot run
 * SQL.
 */
function databaseOf(name: string | undefined, given: ConnectionParameters): string | undefined {
  if (given.has('replication')) throw bad('replication', 'is not for walvault: it opens ordinary sessions');
  return name;
}

function placesOf(value: (name: string) => string | undefined): ConnectionTarget['places'] {
  const ports = (value('port') ?? '5432').split(',').map(portOf);
  const port = ports[0] ?? 5432;
  const hosts = (value('host') ?? value('hostaddr') ?? defaultHost(port)).split(',');
  const addresses = value('hostaddr')?.split(',') ?? hosts;
  if (ports.length > 1 && ports.length !== hosts.length) throw bad('port', 'has not one entry for each host');
  return hosts.map((host, i) => {
    const name = host === '' ? defaultHost(ports[i] ?? port) : host;
    return { host: name, address: addresses[i] || name, port: ports[i] ?? port };
  });
}

function portOf(text: string): number {
  const port = text === '' ? 5432 : Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw bad('port', `"${text}" is not a port`);
  return port;
}

/**
 * The host by default. The directory for sockets is compiled into libpq: Debian and Red Hat have the first, the
 * project's sources the second.
 */
function defaultHost(port: number): string {
  const directories = ['/var/run/postgresql', '/run/postgresql', '/tmp'];
  return directories.find(directory => existsSync(join(directory, `.s.PGSQL.${port}`))) ?? 'localhost';
}

function sslModeOf(text: string): SslMode {
  const modes: readonly string[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];
  if (!modes.includes(text)) throw bad('sslmode', `"${text}" is none of ${modes.join(', ')}`);
  return text as SslMode;
}

function sslVersionOf(name: string, value: (name: string) => string | undefined): SslVersion | undefined {
  const text = value(name);
  const versions: readonly string[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
  if (text !== undefined && !versions.includes(text))
    throw bad(name, `"${text}" is none of ${versions.join(', ')}`);
  return text as SslVersion | undefined;
}

function secretOf(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : new Secret(text);
}

/**
 * Milliseconds from seconds. In libpq, 0 means no limit and 2 is the smallest. Default here: 30 s, so that nothing
 * hangs for ever.
 */
function timeoutOf(text: string | undefined): number {
  const seconds = Number(text ?? '30');
  if (!Number.isInteger(seconds)) throw bad('connect_timeout', `"${text}" is not a number of seconds`);
  return seconds <= 0 ? 0 : Math.max(2, seconds) * 1000;
}

function bad(name: string, what: string): WalvaultError {
  return new WalvaultError('config', `postgres connection: ${name} ${what}`);
}
