/**
 * The options of a connection string (PostgreSQL documentation, "Parameter Key Words", to version 18), and what
 * becomes of each here. As in libpq, an unknown one is an error: a mistyped `sslmode` must not connect in the open.
 */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { nearestName } from '../../../base/near.ts';

const used = [
  'host', 'hostaddr', 'port', 'dbname', 'user', 'password', 'passfile', 'service', 'servicefile', 'options', 'sslmode',
  'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslcrl', 'ssl_min_protocol_version', 'ssl_max_protocol_version',
  'connect_timeout', 'replication',
] as const; // prettier-ignore

/** They change no result, or do nothing here: walvault keeps its own time limits and speaks neither GSSAPI nor OAuth. */
const withoutEffect = [
  'application_name', 'fallback_application_name', 'client_encoding', 'keepalives', 'keepalives_idle',
  'keepalives_interval', 'keepalives_count', 'tcp_user_timeout', 'sslcompression', 'sslsni', 'krbsrvname', 'gsslib',
  'gssdelegation', 'load_balance_hosts', 'min_protocol_version', 'max_protocol_version', 'sslkeylogfile',
  'scram_client_key', 'scram_server_key', 'oauth_issuer', 'oauth_client_id', 'oauth_client_secret', 'oauth_scope',
] as const; // prettier-ignore

/** They demand what walvault cannot do, unless they have one of these values. */
const demanding: Readonly<Record<string, readonly string[]>> = {
  channel_binding: ['prefer', 'disable'],
  gssencmode: ['prefer', 'disable'],
  require_auth: [],
  requirepeer: [],
  sslcertmode: ['allow'],
  sslcrldir: [],
  sslnegotiation: ['postgres'],
  target_session_attrs: ['any'],
};

/** The variables of the demanding options, and of no others. */
export const demandingVariables: Readonly<Record<string, string>> = {
  channel_binding: 'PGCHANNELBINDING',
  gssencmode: 'PGGSSENCMODE',
  require_auth: 'PGREQUIREAUTH',
  requirepeer: 'PGREQUIREPEER',
  sslcertmode: 'PGSSLCERTMODE',
  sslcrldir: 'PGSSLCRLDIR',
  sslnegotiation: 'PGSSLNEGOTIATION',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
};

const known: readonly string[] = [...used, ...withoutEffect, ...Object.keys(demanding)];

/** @throws WalvaultError `config` for a name that libpq does not know; `source` says where it stands */
export function checkOptionNames(names: Iterable<string>, source: string): void {
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    throw new WalvaultError('config', `${source}: unknown option "${name}"`, {
      hint: near === undefined ? 'The options are those of libpq.' : `Did you mean ${near}?`,
    });
  }
}

/** @throws WalvaultError `config` for a demand that walvault could only ignore */
export function refuseDemands(value: (name: string) => string | undefined): void {
  for (const [name, accepted] of Object.entries(demanding)) {
    const given = value(name);
    if (given === undefined || accepted.includes(given)) continue;
    throw new WalvaultError('config', `postgres connection: ${name}=${given} is not possible`, {
      hint:
        name === 'target_session_attrs'
          ? 'Name the one host that is meant.'
          : 'walvault refuses what it could only ignore: leave it out.',
    });
  }
}
