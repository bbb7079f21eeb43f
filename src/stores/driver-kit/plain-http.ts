/**
 * Endpoints without TLS. Whoever is on the way reads tokens and data and can answer in the service's place, also where a
 * signature keeps the key itself secret.
 */
import { WalvaultError } from '../../base/errors/errors.ts';

/**
 * Refuses one that is not on this host, unless `verify-tls = "off"` says that nobody is verified anyway.
 * @throws WalvaultError `config`; the message shows no more than the host
 */
export function refusePlainHttp(endpoint: string, verifyTls: boolean | undefined): void {
  const { protocol, hostname, host } = new URL(endpoint);
  if (protocol !== 'http:' || verifyTls === false || isLoopback(hostname)) return;
  throw new WalvaultError('config', `the endpoint http://${host} is not encrypted`, {
    hint: 'Write https. Where nobody else can be on the way, verify-tls = "off" for this repository allows http.',
  });
}

/** As `URL` writes it: numbers are decimal, brackets are around IPv6. */
function isLoopback(hostname: string): boolean {
  return /^(127(\.\d+){3}|localhost|.*\.localhost|\[::1\])$/.test(hostname);
}
