/**
 * TLS as libpq makes it (PostgreSQL documentation, "SSL Support"; fe-secure-openssl.c, initialize_SSL). The files in
 * `~/.postgresql` are used where nothing else is named: `root.crt`, `root.crl`, `postgresql.crt` and `postgresql.key`.
 */
import { fileBounds } from '../../../base/bounds.ts';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { homeDirectory } from '../../../base/account.ts';
import { localIoError, WalvaultError } from '../../../base/errors/errors.ts';
import { isPrivateFile } from '../../../base/files/privacy.ts';
import { readWhole } from '../../../base/files/read.ts';
import type { ConnectionTarget } from './connection-target.ts';

/**
 * The options for a connection to `host`, which is the name that the server's certificate must have.
 * @throws WalvaultError `config` where what is demanded cannot be verified, `local-io`
 */
export async function tlsOptions(
  target: ConnectionTarget,
  host: string,
  env: NodeJS.ProcessEnv,
): Promise<ConnectionOptions> {
  const { sslMode, sslPassword } = target;
  const root = rootCertificate(target, env);
  return {
    // Never the driver's default, which a variable of Node's can turn off.
    rejectUnauthorized: root !== undefined,
    ...(isIP(host) === 0 && { servername: host }),
    checkServerIdentity: (_, certificate) =>
      sslMode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
    ...(root === undefined || root === 'system' ? {} : { ca: await readNamed(root) }),
    ...(await revocations(target, root !== undefined, env)),
    ...(await clientCertificate(target, env)),
    ...(sslPassword && { passphrase: sslPassword.reveal() }),
    ...(target.sslMinVersion && { minVersion: target.sslMinVersion }),
    ...(target.sslMaxVersion && { maxVersion: target.sslMaxVersion }),
  };
}

/**
 * The file with the authorities to trust, or `system`. Undefined: nobody's certificate is verified. `require` verifies
 * where there is such a file, as if it were `verify-ca`. So would `prefer` and `allow` in libpq, which then go on in the
 * open; here they stay with TLS.
 */
function rootCertificate(
  { sslMode, sslRootCertificate }: ConnectionTarget,
  env: NodeJS.ProcessEnv,
): string | undefined {
  if (sslMode === 'prefer' || sslMode === 'allow') return undefined;
  const file = sslRootCertificate ?? ownFile('root.crt', env);
  if (file === 'system' || existsSync(file)) return file;
  if (sslMode === 'require' && sslRootCertificate === undefined) return undefined;
  throw new WalvaultError('config', `postgres connection: there is no root certificate ${file}`, {
    hint: "Put the authority of the server there, name its file in sslrootcert, or trust the system's (sslrootcert=system).",
  });
}

async function revocations(
  { sslRevocationList, sslRevocationDirectory }: ConnectionTarget,
  isVerified: boolean,
  env: NodeJS.ProcessEnv,
): Promise<{ crl?: string[] }> {
  const given = sslRevocationList ?? sslRevocationDirectory;
  if (!isVerified && given !== undefined)
    throw new WalvaultError(
      'config',
      `postgres connection: ${given} would not be used: nothing is verified`,
      {
        hint: 'Set sslmode=verify-full, and sslrootcert if the authority is not in ~/.postgresql/root.crt.',
      },
    );
  const own = ownFile('root.crl', env);
  const files = [
    ...(sslRevocationList === undefined ? [] : [sslRevocationList]),
    ...(sslRevocationDirectory === undefined ? [] : await hashedLists(sslRevocationDirectory)),
    ...(isVerified && given === undefined && existsSync(own) ? [own] : []),
  ];
  const lists = (await Promise.all(files.map(listsIn))).flat();
  if (given !== undefined && lists.length === 0)
    throw new WalvaultError('config', `postgres connection: ${given} holds no revocation list`, {
      hint: 'A list is PEM; a directory of them is made by `openssl rehash`.',
    });
  // With an empty array nothing would be looked up.
  return lists.length === 0 ? {} : { crl: lists };
}

/** The names by which OpenSSL finds lists in a directory (`openssl rehash`). */
async function hashedLists(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory))
      .filter(name => /^[0-9a-f]{8}\.r\d+$/.test(name))
      .map(name => join(directory, name));
  } catch (error) {
    throw localIoError('read', directory, error);
  }
}

/** Each list of a file by itself: Node reads the first of a text only. */
async function listsIn(path: string): Promise<string[]> {
  const text = (await readNamed(path)).toString('latin1');
  return text.match(/-----BEGIN X509 CRL-----[^]*?-----END X509 CRL-----/g) ?? [];
}

/** @throws WalvaultError `config` for a key that others may read, as in libpq */
async function clientCertificate(
  { sslCertificate, sslKey, sslCertificateMode }: ConnectionTarget,
  env: NodeJS.ProcessEnv,
): Promise<Pick<ConnectionOptions, 'cert' | 'key'>> {
  const certificate = sslCertificate ?? ownFile('postgresql.crt', env);
  const isSent = sslCertificate !== undefined || existsSync(certificate);
  if (sslCertificateMode === 'disable' || !isSent) return {};
  const cert = await readNamed(certificate);
  const keyFile = sslKey ?? ownFile('postgresql.key', env);
  const key = await readNamed(keyFile);
  if (!isPrivateFile(await stat(keyFile)))
    throw new WalvaultError('config', `postgres connection: key ${keyFile} can be read by others`, {
      hint: 'chmod 600 it; 0640 where root owns it.',
    });
  return { cert, key };
}

function ownFile(name: string, env: NodeJS.ProcessEnv): string {
  return join(homeDirectory(env), '.postgresql', name);
}

async function readNamed(path: string): Promise<Buffer> {
  try {
    return await readWhole(path, fileBounds.certificates.limitBytes);
  } catch (error) {
    throw localIoError('read', path, error);
  }
}
