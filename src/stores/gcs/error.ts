/**
 * What Google Cloud Storage answers, in the terms of `StoreErrorKind`. The service's own code and reason stay in the
 * message. Codes: "HTTP status and error codes" of the JSON and of the XML API.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { networkFailure, oneLine, retryAfterMs } from '../driver-kit/network-failure.ts';
import { StoreError, type StoreErrorKind } from '../store.ts';

export interface GcsErrorContext {
  /** The call and the object: `put a/b`. */
  readonly action: string;
  readonly bucket: string;
  readonly signal: AbortSignal;
  /** What is missing when the service answers 404 and says no more. */
  readonly notFound?: 'absent' | 'no-container' | 'unreachable' | undefined;
}

/** An answer that is none of those hoped for. Internal to the driver: `gcsError` makes it a `StoreError`. */
export class GcsAnswerError extends Error {
  override readonly name = 'GcsAnswerError';
  readonly status: number;
  readonly code: string;
  readonly retryAfter: string | undefined;

  constructor(status: number, body: string, retryAfter?: string) {
    const said = saidIn(body);
    super(said.message);
    this.status = status;
    this.code = said.code;
    this.retryAfter = retryAfter;
  }
}

/** An abort by the caller comes back as the caller's own reason; everything else as a `StoreError`. */
export function gcsError(error: unknown, context: GcsErrorContext): Error {
  if (context.signal.aborted) return context.signal.reason as Error;
  if (error instanceof WalvaultError) return error;
  if (error instanceof GcsAnswerError) return fromAnswer(error, context);
  return networkFailure(error, context.action);
}

function fromAnswer(answer: GcsAnswerError, { action, bucket, notFound }: GcsErrorContext): StoreError {
  const { status, code, message } = answer;
  const kind = kindOfAnswer(answer, notFound ?? 'absent');
  const said = code === '' ? `${status}` : `${status} ${code}`;
  const reason = message === '' ? said : `${said}: ${message}`;
  const details = { cause: answer, hint: hints[kind], retryAfterMs: retryAfterMs(answer.retryAfter) };
  switch (kind) {
    case 'absent':
      return new StoreError(kind, `${action}: no such object (${said})`, details);
    case 'no-container':
      return new StoreError(kind, `${action}: there is no bucket ${bucket} (${said})`, details);
    case 'exists':
      return new StoreError(kind, `${action}: already exists (${said})`, details);
    case 'denied':
      return new StoreError(kind, `${action}: denied by the service (${reason})`, {
        ...details,
        lockedUntil: lockedUntilIn(message),
      });
    case 'throttled':
      return new StoreError(kind, `${action}: the service asks to slow down (${said})`, details);
    default:
      return new StoreError(kind, `${action}: the service answered ${reason}`, details);
  }
}

/** Of a retention: "…and cannot be deleted or overwritten until 2026-12-01T00:00:00.000Z". */
function lockedUntilIn(message: string): Date | undefined {
  const [, text = ''] = /\buntil (\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))/.exec(message) ?? [];
  const until = new Date(text);
  return Number.isNaN(until.getTime()) ? undefined : until;
}

function kindOfAnswer(
  { status, code, message }: GcsAnswerError,
  notFound: NonNullable<GcsErrorContext['notFound']>,
): StoreErrorKind {
  const byCode = kindOfCode[code];
  if (byCode !== undefined) return byCode;
  if (status === 401 || status === 403) return 'denied';
  if (status === 404 || status === 410) return notFound;
  if (status === 412) return 'exists';
  if (status === 429 || status === 503) return 'throttled';
  if (status === 408 || status === 409 || (status >= 500 && status !== 501)) return 'unreachable';
  if (status === 400 && /crc32c|md5|checksum|hash/i.test(message)) return 'damaged';
  return 'invalid';
}

const kindOfCode: Record<string, StoreErrorKind> = {
  NoSuchKey: 'absent',
  NoSuchBucket: 'no-container',
  PreconditionFailed: 'exists',
  conditionNotMet: 'exists',
  // These come as 403, and are no refusal.
  rateLimitExceeded: 'throttled',
  userRateLimitExceeded: 'throttled',
  SlowDown: 'throttled',
  BadDigest: 'damaged',
  // An archive of a bucket whose project does not pay is closed, not gone.
  accountDisabled: 'denied',
  UserProjectMissing: 'invalid',
};

const hints: Partial<Record<StoreErrorKind, string>> = {
  denied:
    'Check the credentials, and that this account may create, get, list and delete objects in this bucket.',
  'no-container': 'Create the bucket, or correct its name in the URL.',
};

/** JSON (`{"error": {"message", "errors": [{"reason"}]}}`) or XML (`<Code>`, `<Message>`, `<Details>`). */
function saidIn(body: string): { code: string; message: string } {
  const text = body.trim();
  if (text.startsWith('{')) {
    try {
      return saidInJson(JSON.parse(text) as ErrorBody);
    } catch {
      return { code: '', message: '' };
    }
  }
  const element = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? '';
  const message = [element('Message'), element('Details')].filter(part => part !== '').join(' ');
  return { code: element('Code'), message: oneLine(message) };
}

interface ErrorBody {
  readonly error?:
    | string
    | {
        readonly message?: string;
        readonly status?: string;
        readonly errors?: readonly { readonly reason?: string }[];
      };
}

function saidInJson({ error }: ErrorBody): { code: string; message: string } {
  if (typeof error !== 'object') return { code: error ?? '', message: '' };
  return {
    code: error.errors?.[0]?.reason ?? error.status ?? '',
    message: oneLine(error.message ?? ''),
  };
}
