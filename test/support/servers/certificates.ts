/** A certificate authority for one test, and its certificate for 127.0.0.1. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';

export interface Certificates {
  /** Readable by the account that runs walvault. */
  readonly caFile: string;
  readonly keyFile: string;
  readonly certFile: string;
  readonly key: string;
  readonly cert: string;
  /** Revokes the certificate. */
  revoke(): Revocation;
}

export interface Revocation {
  readonly file: string;
  /** It has the list under the name by which OpenSSL looks for it. */
  readonly directory: string;
}

export function makeCertificates(): Certificates {
  const directory = temporaryDirectory('tls');
  const path = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout'];
  const authority = ['-x509', '-days', '2', '-subj', '/CN=walvault test authority', '-out', path('ca.pem')];
  openssl('req', ...authority, ...newKey, path('ca.key'));
  openssl('req', ...newKey, path('server.key'), '-subj', '/CN=store', '-out', path('server.csr'));
  writeFileSync(path('names'), 'subjectAltName=IP:127.0.0.1\n');
  const signed = ['-days', '2', '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'];
  const request = ['-in', path('server.csr'), '-extfile', path('names'), '-out', path('server.pem')];
  openssl('x509', '-req', ...signed, ...request);
  giveToUnprivileged(directory);
  return {
    caFile: path('ca.pem'),
    keyFile: path('server.key'),
    certFile: path('server.pem'),
    key: readFileSync(path('server.key'), 'utf8'),
    cert: readFileSync(path('server.pem'), 'utf8'),
    revoke() {
      const settings = `database = ${path('index')}\ndefault_md = sha256\ndefault_crl_days = 2\n`;
      writeFileSync(path('authority.conf'), `[ca]\ndefault_ca = one\n[one]\n${settings}`);
      writeFileSync(path('index'), '');
      const authority = [
        '-config',
        path('authority.conf'),
        '-keyfile',
        path('ca.key'),
        '-cert',
        path('ca.pem'),
      ];
      openssl('ca', ...authority, '-revoke', path('server.pem'));
      openssl('ca', ...authority, '-gencrl', '-out', path('ca.crl'));
      const name = openssl('crl', '-in', path('ca.crl'), '-noout', '-hash').toString().trim();
      mkdirSync(path('lists'));
      copyFileSync(path('ca.crl'), join(path('lists'), `${name}.r0`));
      return { file: path('ca.crl'), directory: path('lists') };
    },
  };
}
