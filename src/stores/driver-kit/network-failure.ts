/** Messages for requests that got no answer, and readers for parts of answers that all drivers need. */
import { messageOf, systemCode } from '../../base/errors/errors.ts';
import { StoreError } from '../store.ts';

/** The error for a request without an answer: name lookup, connection, TLS, a cut or silent connection. */
export function networkFailure(error: unknown, action: string): StoreError {
  const code = systemCode(error) ?? '';
  const name = error instanceof Error ? error.name : '';
  return new StoreError(
    'unreachable',
    `${action}: ${texts[code] ?? (oneLine(messageOf(error)) || code || name)}`,
    {
      cause: plainCause(error),
      hint: isCertificateProblem(code)
        ? 'Name the certificate authority of the service in ca-file, and use a host name that its certificate carries.'
        : undefined,
    },
  );
}

/** An error for `networkFailure`: our own time limit has ended the request. */
export function noAnswerInTime(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
}

const texts: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'no answer in time',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate comes from an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate comes from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate comes from an unknown authority',
  CERT_HAS_EXPIRED: 'the certificate has expired',
};

function isCertificateProblem(code: string): boolean {
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID' || /CERT|SIGNATURE/.test(code);
}

/** The message and the code alone: a library's error holds its request, with tokens and signatures. */
export function plainCause(error: unknown): Error {
  const plain = new Error(oneLine(messageOf(error)));
  const code = systemCode(error);
  return code === undefined ? plain : Object.assign(plain, { code });
}

/** A word of an answer; empty where it is no text: an element that comes twice is parsed to an array. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value of `Retry-After`: seconds or a date (RFC 9110 §10.2.3). */
export function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}
