/**
 * The target of a connection: where and how to connect. Sources, in this order, are a connection string, a service, the
 * environment and libpq's defaults (fe-connect.c, conninfo_add_defaults).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { accountName } from '../../../base/account.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { Secret, type SecretSource } from '../../../base/secret.ts';
import { authenticationRuleOf, type AuthenticationRule } from './authentication.ts';
import { checkOptionNames, knownOptions, refuseDemands } from './known-options.ts';
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
  /** `allow`: it is sent where there is one. */
  readonly sslCertificateMode: 'allow' | 'disable';
  readonly sslRevocationList: string | undefined;
  readonly sslRevocationDirectory: string | undefined;
  readonly sslMinVersion: SslVersion | undefined;
  readonly sslMaxVersion: SslVersion | undefined;
  /** `direct`: TLS from the first byte on, as servers from version 17 on take it. */
  readonly sslNegotiation: 'postgres' | 'direct';
  readonly authentication: AuthenticationRule;
  readonly connectTimeoutMs: number;
  /** Server settings for the session, as `-c name=value`. */
  readonly options: string | undefined;
}

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
  const value: Value = name =>
    notEmpty(given.get(name)) ??
    notEmpty(service.get(name)) ??
    notEmpty(env[knownOptions[name]?.variable ?? '']);
  refuseDemands(value);
  const user = value('user') ?? ownName();
  const places = placesOf(value);
  const authentication = authenticationRuleOf(value('require_auth'), value('channel_binding'));
  return {
    places,
    user,
    database: databaseOf(value('dbname'), given) ?? user,
    password: secretOf(value('password')),
    passwordFile: value('passfile'),
    ...sslModesOf(value),
    sslRootCertificate: value('sslrootcert'),
    sslCertificate: value('sslcert'),
    sslKey: value('sslkey'),
    sslPassword: secretOf(value('sslpassword')),
    sslCertificateMode: value('sslcertmode') === 'disable' ? 'disable' : 'allow',
    sslRevocationList: value('sslcrl'),
    sslRevocationDirectory: value('sslcrldir'),
    ...sslVersionsOf(value),
    authentication,
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

type Value = (name: string) => string | undefined;

function placesOf(value: Value): ConnectionTarget['places'] {
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

const sslModes: readonly SslMode[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** The options that want more of `sslmode` than it says are refused, as in libpq (pqConnectOptions2). */
function sslModesOf(value: Value): Pick<ConnectionTarget, 'sslMode' | 'sslNegotiation'> {
  const isSystem = value('sslrootcert') === 'system';
  // `requiressl` is what `sslmode` was once called (conninfo_add_defaults).
  const standard = isSystem ? 'verify-full' : value('requiressl')?.startsWith('1') ? 'require' : 'prefer';
  const text = value('sslmode') ?? standard;
  const sslMode = sslModes.find(mode => mode === text);
  if (sslMode === undefined) throw bad('sslmode', `"${text}" is none of ${sslModes.join(', ')}`);
  if (isSystem && sslMode !== 'verify-full')
    throw bad(
      'sslmode',
      `"${text}" is too weak for sslrootcert=system: anybody can have such a certificate`,
      {
        hint: 'Set sslmode=verify-full.',
      },
    );
  const isTlsSure = ['require', 'verify-ca', 'verify-full'].includes(sslMode);
  const sslNegotiation = value('sslnegotiation') ?? 'postgres';
  if (sslNegotiation !== 'postgres' && sslNegotiation !== 'direct')
    throw bad('sslnegotiation', `"${sslNegotiation}" is none of postgres, direct`);
  if (sslNegotiation === 'direct' && !isTlsSure)
    throw bad('sslmode', `"${text}" is too weak for sslnegotiation=direct`, {
      hint: 'Set sslmode=require, verify-ca or verify-full.',
    });
  return { sslMode, sslNegotiation };
}

/** In the order of their age. */
const sslVersions: readonly SslVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

function sslVersionsOf(value: Value): Pick<ConnectionTarget, 'sslMinVersion' | 'sslMaxVersion'> {
  const sslMinVersion = sslVersionOf('ssl_min_protocol_version', value);
  const sslMaxVersion = sslVersionOf('ssl_max_protocol_version', value);
  // TLSv1.2 is the least by default, as in libpq.
  const least = sslVersions.indexOf(sslMinVersion ?? 'TLSv1.2');
  if (sslMaxVersion !== undefined && sslVersions.indexOf(sslMaxVersion) < least)
    throw bad('ssl_max_protocol_version', `"${sslMaxVersion}" is less than the least that is allowed`, {
      hint: 'Set ssl_min_protocol_version to no more than it.',
    });
  return { sslMinVersion, sslMaxVersion };
}

function sslVersionOf(name: string, value: Value): SslVersion | undefined {
  const text = value(name)?.toLowerCase();
  const version = sslVersions.find(known => known.toLowerCase() === text);
  if (text !== undefined && version === undefined)
    throw bad(name, `"${value(name)}" is none of ${sslVersions.join(', ')}`);
  return version;
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

function bad(name: string, what: string, details: { readonly hint?: string } = {}): WalvaultError {
  return new WalvaultError('config', `postgres connection: ${name} ${what}`, details);
}
