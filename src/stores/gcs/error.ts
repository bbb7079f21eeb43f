/**
 * Translates answers of Google Cloud Storage to store errors. The service's own code and reason stay in the message.
 * Codes: "HTTP status and error codes" of the JSON and of the XML API.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseJson } from '../../base/json.ts';
import { answerError, kindOfStatus } from '../driver-kit/answer-error.ts';
import { networkFailure, oneLine, retryAfterMs } from '../driver-kit/network-failure.ts';
import type { StoreError, StoreErrorKind } from '../store.ts';

export interface GcsErrorContext {
  /** The call and the object: `put a/b`. */
  readonly action: string;
  readonly bucket: string;
  readonly signal: AbortSignal;
  /** The kind for a 404 that does not say what is missing. */
  readonly notFound?: 'absent' | 'no-container' | 'unreachable' | undefined;
}

/** An answer with an unexpected status. Internal to the driver: `gcsError` turns it into a `StoreError`. */
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

/** The caller's own reason after an abort; a `StoreError` for any other error. */
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
  return answerError(
    kind,
    { action, container: `bucket ${bucket}`, said, message },
    {
      cause: answer,
      hint: hints[kind],
      retryAfterMs: retryAfterMs(answer.retryAfter),
      ...(kind === 'denied' && { lockedUntil: lockedUntilIn(message) }),
    },
  );
}

/** The end of a retention, from "…and cannot be deleted or overwritten until 2026-12-01T00:00:00.000Z". */
function lockedUntilIn(message: string): Date | undefined {
  const [, text = ''] = /\buntil (\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))/.exec(message) ?? [];
  const until = new Date(text);
  return Number.isNaN(until.getTime()) ? undefined : until;
}

function kindOfAnswer(
  { status, code, message }: GcsAnswerError,
  notFound: NonNullable<GcsErrorContext['notFound']>,
): StoreErrorKind {
  const byCode = kindOfCode.get(code);
  if (byCode !== undefined) return byCode;
  if (status === 404 || status === 410) return notFound;
  if (status === 409) return 'unreachable';
  if (status === 400 && /crc32c|md5|checksum|hash/i.test(message)) return 'damaged';
  return kindOfStatus(status);
}

const kindOfCode: ReadonlyMap<string, StoreErrorKind> = new Map<string, StoreErrorKind>(
  Object.entries({
    NoSuchKey: 'absent',
    NoSuchBucket: 'no-container',
    PreconditionFailed: 'exists',
    conditionNotMet: 'exists',
    // The service sends these as 403, but they are no refusal.
    rateLimitExceeded: 'throttled',
    userRateLimitExceeded: 'throttled',
    SlowDown: 'throttled',
    BadDigest: 'damaged',
    // The bucket of a project that does not pay is closed, not gone.
    accountDisabled: 'denied',
    UserProjectMissing: 'invalid',
  } as const),
);

const hints: Partial<Record<StoreErrorKind, string>> = {
  denied:
    'Check the credentials, and that this account may create, get, list and delete objects in this bucket.',
  'no-container': 'Create the bucket, or correct its name in the URL.',
};

/** Code and message from JSON (`{"error": {"message", "errors": [{"reason"}]}}`) or XML (`<Code>`, `<Message>`, `<Details>`). */
function saidIn(body: string): { code: string; message: string } {
  const text = body.trim();
  if (text.startsWith('{')) {
    try {
      return saidInJson(parseJson(text) as ErrorBody);
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
