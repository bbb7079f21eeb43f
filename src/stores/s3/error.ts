/**
 * Translates errors of S3 and its SDK to store errors. The service's own code stays in the message, because
 * administrators search for it. Codes: Amazon S3 API reference, "Error responses"; Ceph and others add a few.
 */
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';
import { answerError, kindOfStatus } from '../driver-kit/answer-error.ts';
import { networkFailure, oneLine, plainCause, retryAfterMs, textOf } from '../driver-kit/network-failure.ts';
import type { MissingCredentials } from './credential-source.ts';
import { coldHint, StoreError, type StoreErrorKind } from '../store.ts';

export interface S3ErrorContext {
  /** The call and the object: `put a/b`. */
  readonly action: string;
  readonly bucket: string;
  readonly signal: AbortSignal;
}

/** The caller's own reason after an abort; a `StoreError` for any other error. */
export function s3Error(error: unknown, context: S3ErrorContext): Error {
  if (context.signal.aborted) return context.signal.reason as Error;
  if (error instanceof WalvaultError) return error;
  const answer = answerOf(error);
  return answer === undefined ? withoutAnswer(error, context) : fromAnswer(answer, error, context);
}

/** The service's own error code (`NoSuchKey`, `ConditionalRequestConflict`…), if it answered. */
export function s3Code(error: unknown): string | undefined {
  const source = error instanceof StoreError ? error.cause : error;
  return answerOf(source)?.code;
}

/** The kind of a code that comes inside an answer, without a status of its own. */
export function kindOfCode(code: string): StoreErrorKind {
  return kindsOfCodes.get(code) ?? 'invalid';
}

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

function answerOf(error: unknown): Answer | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  const { httpStatusCode: status } = error.$metadata as { httpStatusCode?: number };
  if (status === undefined) return undefined;
  const response = ('$response' in error ? error.$response : undefined) as
    { headers?: Record<string, string> } | undefined;
  const [code, message] = [textOf(error.name), textOf(error.message)];
  return { status, code, message, headers: response?.headers ?? {} };
}

function fromAnswer(answer: Answer, cause: unknown, { action, bucket }: S3ErrorContext): StoreError {
  const { status, code, headers } = answer;
  const kind = kindOfAnswer(answer);
  const said = /^(Unknown|UnknownError|NotFound|Forbidden)$/.test(code) ? `${status}` : `${status} ${code}`;
  const hasDeleteMarker = kind === 'absent' && headers['x-amz-delete-marker'] === 'true';
  return answerError(
    kind,
    {
      action,
      container: `bucket ${bucket}`,
      said,
      message: oneLine(answer.message),
      sentence: hasDeleteMarker ? 'deleted: a delete marker hides its versions' : sentenceFor(kind, cause),
    },
    {
      cause,
      hint: kind === 'cold' ? coldHint(action) : hintOf(answer, kind),
      retryAfterMs: retryAfterMs(headers['retry-after']),
      hasDeleteMarker,
    },
  );
}

/** A sentence in place of the service's message, which for a refusal only repeats its code. */
function sentenceFor(kind: StoreErrorKind, cause: unknown): string | undefined {
  if (kind === 'denied') return 'denied by the service';
  return kind === 'cold' ? tierIn(cause) : undefined;
}

function kindOfAnswer({ status, code }: Answer): StoreErrorKind {
  const byCode = kindsOfCodes.get(code);
  if (byCode !== undefined) return byCode;
  // Below 400 the status was no error, but the answer could not be read: it was cut or foreign.
  const isCut = status < 400 && status !== 301 && status !== 307;
  return isCut || status === 409 ? 'unreachable' : kindOfStatus(status);
}

const kindsOfCodes: ReadonlyMap<string, StoreErrorKind> = new Map<string, StoreErrorKind>(
  Object.entries({
    AccessDenied: 'denied',
    NoSuchKey: 'absent',
    NoSuchBucket: 'no-container',
    PreconditionFailed: 'exists',
    InvalidObjectState: 'cold',
    GlacierExpeditedRetrievalNotAvailable: 'invalid',
    SlowDown: 'throttled',
    SlowDownRead: 'throttled',
    SlowDownWrite: 'throttled',
    Throttling: 'throttled',
    ThrottlingException: 'throttled',
    TooManyRequests: 'throttled',
    ServiceUnavailable: 'throttled',
    RequestTimeout: 'unreachable',
    InternalError: 'unreachable',
    ExpiredToken: 'denied',
    InvalidToken: 'denied',
    AuthorizationHeaderMalformed: 'invalid',
    // The service received other bytes than were sent.
    BadDigest: 'damaged',
    XAmzContentSHA256Mismatch: 'damaged',
    XAmzContentChecksumMismatch: 'damaged',
  } as const),
);

function hintOf({ status, code }: Answer, kind: StoreErrorKind): string | undefined {
  if (code === 'RequestTimeTooSkewed')
    return 'Set the clock of this host: the signature is refused for its time.';
  if (code === 'AuthorizationHeaderMalformed' || code === 'PermanentRedirect' || status === 301)
    return 'Set the region of the bucket in the URL, as in s3://bucket/prefix?region=eu-central-1.';
  if (status === 501)
    return 'The service does not know this request; where it lacks conditional writes, add conditional-create=none to the URL.';
  if (kind === 'denied') return 'Check the access key and that its policy allows this call on this bucket.';
  if (kind === 'no-container') return 'Create the bucket, or correct its name in the URL.';
  return undefined;
}

/** The class of the frozen object, or its tier in INTELLIGENT_TIERING, as the refusal names it. */
function tierIn(cause: unknown): string {
  const { StorageClass, AccessTier } = cause as { StorageClass?: string; AccessTier?: string };
  const tier = [StorageClass, AccessTier].filter(name => name !== undefined).join('/');
  return tier === '' ? 'in an archive tier' : `in the archive tier ${tier}`;
}

/** An outage of the source of credentials passes; anything else a person must change. */
export function noCredentials(
  { isTemporary, problem }: MissingCredentials,
  cause: unknown,
  action: string,
): StoreError {
  return new StoreError(
    isTemporary ? 'unreachable' : 'denied',
    `${action}: no credentials (${oneLine(problem)})`,
    {
      cause: plainCause(cause),
      hint: isTemporary
        ? undefined
        : 'Configure the access key of this repository, or give the process AWS_ACCESS_KEY_ID, a profile or a role.',
    },
  );
}

function withoutAnswer(error: unknown, { action }: S3ErrorContext): StoreError {
  const message = oneLine(messageOf(error));
  if (message.includes('Region is missing'))
    return new StoreError('invalid', `${action}: no region is known`, {
      code: 'config',
      cause: plainCause(error),
      hint: 'Add it to the URL, as in s3://bucket/prefix?region=eu-central-1.',
    });
  return networkFailure(error, action);
}
