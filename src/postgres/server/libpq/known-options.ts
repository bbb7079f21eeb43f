/**
 * The options of a connection string (PostgreSQL documentation, "Parameter Key Words", to version 18), their variables
 * ("Environment Variables"), and what becomes of each here. As in libpq, an unknown one is an error: a mistyped
 * `sslmode` must not connect in the open. A demand that walvault could only ignore is an error, too.
 */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { nearestName } from '../../../base/near.ts';

interface OptionRule {
  readonly variable?: string;
  /** Why it is passed over: what it asks for cannot make a connection less safe when it is missing. */
  readonly passedOver?: string;
  /** The values that walvault satisfies; every other one is refused. Undefined: it is used as it is. */
  readonly possible?: readonly string[];
  /** For whoever gave another value. */
  readonly hint?: string;
}

const noGss = 'It belongs to GSSAPI, which walvault never speaks.';
const noOauth = 'It belongs to OAuth, which walvault never speaks.';
const ownLimits = 'walvault keeps its own time limits.';

export const knownOptions: Readonly<Record<string, OptionRule>> = {
  host: { variable: 'PGHOST' },
  hostaddr: { variable: 'PGHOSTADDR' },
  port: { variable: 'PGPORT' },
  dbname: { variable: 'PGDATABASE' },
  user: { variable: 'PGUSER' },
  password: { variable: 'PGPASSWORD' },
  passfile: { variable: 'PGPASSFILE' },
  service: { variable: 'PGSERVICE' },
  servicefile: {},
  options: { variable: 'PGOPTIONS' },
  connect_timeout: { variable: 'PGCONNECT_TIMEOUT' },
  replication: {},
  sslmode: { variable: 'PGSSLMODE' },
  requiressl: { variable: 'PGREQUIRESSL' },
  sslnegotiation: { variable: 'PGSSLNEGOTIATION' },
  sslrootcert: { variable: 'PGSSLROOTCERT' },
  sslcert: { variable: 'PGSSLCERT' },
  sslkey: { variable: 'PGSSLKEY' },
  sslpassword: {},
  sslcrl: { variable: 'PGSSLCRL' },
  sslcrldir: { variable: 'PGSSLCRLDIR' },
  ssl_min_protocol_version: { variable: 'PGSSLMINPROTOCOLVERSION' },
  ssl_max_protocol_version: { variable: 'PGSSLMAXPROTOCOLVERSION' },
  channel_binding: { variable: 'PGCHANNELBINDING' },
  require_auth: { variable: 'PGREQUIREAUTH' },

  sslcertmode: {
    variable: 'PGSSLCERTMODE',
    possible: ['allow', 'disable'],
    hint: 'walvault cannot tell whether the server asked for a certificate; make it ask in pg_hba.conf (clientcert).',
  },
  sslsni: {
    variable: 'PGSSLSNI',
    possible: ['1'],
    hint: "walvault always tells the server its name in TLS; give the host's address to tell none.",
  },
  gssencmode: {
    variable: 'PGGSSENCMODE',
    possible: ['prefer', 'disable'],
    hint: 'walvault does not speak GSSAPI; encrypt with TLS (sslmode) in its place.',
  },
  requirepeer: {
    variable: 'PGREQUIREPEER',
    possible: [],
    hint: "walvault cannot see a socket's owner; name a socket in a directory that only the server's user may write.",
  },
  target_session_attrs: {
    variable: 'PGTARGETSESSIONATTRS',
    possible: ['any'],
    hint: 'Name the one host that is meant.',
  },
  min_protocol_version: {
    variable: 'PGMINPROTOCOLVERSION',
    possible: ['3.0'],
    hint: 'walvault speaks version 3.0, as every server does.',
  },
  max_protocol_version: { variable: 'PGMAXPROTOCOLVERSION', possible: ['3.0', '3.2', 'latest'] },

  application_name: { passedOver: 'It is a name for the logs of the server.' },
  fallback_application_name: { passedOver: 'It is a name for the logs of the server.' },
  client_encoding: { passedOver: 'Texts are always UTF-8 here.' },
  keepalives: { passedOver: ownLimits },
  keepalives_idle: { passedOver: ownLimits },
  keepalives_interval: { passedOver: ownLimits },
  keepalives_count: { passedOver: ownLimits },
  tcp_user_timeout: { passedOver: ownLimits },
  sslcompression: { passedOver: 'TLS is never compressed.' },
  sslkeylogfile: { passedOver: "It would write the session's keys to a file." },
  load_balance_hosts: { passedOver: 'Hosts are tried in the order in which they are given.' },
  krbsrvname: { passedOver: noGss },
  gsslib: { passedOver: noGss },
  gssdelegation: { passedOver: noGss },
  oauth_issuer: { passedOver: noOauth },
  oauth_client_id: { passedOver: noOauth },
  oauth_client_secret: { passedOver: noOauth },
  oauth_scope: { passedOver: noOauth },
  scram_client_key: { passedOver: 'SCRAM needs the password then, and fails without it.' },
  scram_server_key: { passedOver: 'SCRAM needs the password then, and fails without it.' },
};

const names = Object.keys(knownOptions);

/** @throws WalvaultError `config` for a name that libpq does not know; `source` says where it stands */
export function checkOptionNames(given: Iterable<string>, source: string): void {
  for (const name of given) {
    if (names.includes(name)) continue;
    const near = nearestName(name, names);
    throw new WalvaultError('config', `${source}: unknown option "${name}"`, {
      hint: near === undefined ? 'The options are those of libpq.' : `Did you mean ${near}?`,
    });
  }
}

/** @throws WalvaultError `config` for a demand that walvault could only ignore */
export function refuseDemands(value: (name: string) => string | undefined): void {
  for (const [name, { possible, hint }] of Object.entries(knownOptions)) {
    const given = value(name);
    if (given === undefined || possible === undefined || possible.includes(given)) continue;
    throw new WalvaultError('config', `postgres connection: ${name}=${given} is not possible`, {
      hint: hint ?? `It can be ${possible.join(' or ')}.`,
    });
  }
}
