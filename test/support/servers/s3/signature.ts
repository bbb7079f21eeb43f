/** AWS Signature Version 4 from the server's side (Amazon S3 API reference, "Authenticating Requests"). */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Rejection {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const allowedSkewMs = 15 * 60_000;

/** Undefined when the signature is right and fresh. The body is checked apart, against `x-amz-content-sha256`. */
export function rejectSignature(
  request: IncomingMessage,
  keys: ReadonlyMap<string, string>,
  region: string,
): Rejection | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (match === null) return { status: 403, code: 'AccessDenied', message: 'no usable signature' };
  const [, accessKeyId = '', day = '', signedRegion = '', signedHeaders = '', signature = ''] = match;
  const secret = keys.get(accessKeyId);
  if (secret === undefined) return { status: 403, code: 'InvalidAccessKeyId', message: 'no such access key' };
  if (signedRegion !== region)
    return { status: 400, code: 'AuthorizationHeaderMalformed', message: `the region is ${region}` };
  const time = header(request, 'x-amz-date');
  if (!time.startsWith(day) || Math.abs(parseTime(time) - Date.now()) > allowedSkewMs)
    return { status: 403, code: 'RequestTimeTooSkewed', message: 'the clocks differ too much' };
  const names = signedHeaders.split(';');
  if (
    !names.includes('host') ||
    Object.keys(request.headers).some(name => name.startsWith('x-amz-') && !names.includes(name))
  )
    return { status: 403, code: 'AccessDenied', message: 'there were headers present which were not signed' };
  const scope = `${day}/${signedRegion}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest(request, names))].join('\n');
  const key = [day, signedRegion, 's3', 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${secret}`),
  );
  return timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex'))
    ? undefined
    : { status: 403, code: 'SignatureDoesNotMatch', message: 'the signature is wrong' };
}

function canonicalRequest(request: IncomingMessage, names: readonly string[]): string {
  const url = new URL(request.url ?? '/', 'http://server');
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const headers = names
    .map(name => `${name}:${header(request, name).trim().replaceAll(/ +/g, ' ')}\n`)
    .join('');
  const path = (request.url ?? '/').split('?')[0];
  return [
    request.method,
    path,
    query,
    headers,
    names.join(';'),
    header(request, 'x-amz-content-sha256'),
  ].join('\n');
}

export function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

/** RFC 3986 with everything but the unreserved characters escaped. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function parseTime(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
