/**
 * Translates errors of Azure and its SDK to store errors. The service's own code stays in the message. Codes:
 * "Common REST API error codes" and "Blob Storage error codes".
 */
import { RestError } from '@azure/storage-blob';
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';
import { answerError, kindOfStatus } from '../driver-kit/answer-error.ts';
import { networkFailure, oneLine, plainCause, retryAfterMs, textOf } from '../driver-kit/network-failure.ts';
import { coldHint, StoreError, type StoreErrorKind } from '../store.ts';

export interface AzureErrorContext {
  /** The call and the object: `put a/b`. */
  readonly action: string;
  readonly container: string;
  readonly signal: AbortSignal;
}

/** The caller's own reason after an abort; a `StoreError` for any other error. */
export function azureError(error: unknown, context: AzureErrorContext): Error {
  if (context.signal.aborted) return context.signal.reason as Error;
  if (error instanceof WalvaultError) return error;
  const answer = answerOf(error);
  if (answer !== undefined) return fromAnswer(answer, context);
  if (error instanceof TokenServiceFailure)
    return networkFailure(error.cause, `${context.action}: asking for a token`);
  if (isAboutCredentials(error)) return credentialsFailure(error, context);
  return networkFailure(error, context.action);
}

/** The service's own error code (`BlobNotFound`…), if it answered. */
export function azureCode(error: unknown): string | undefined {
  if (error instanceof StoreError) return azureCode(error.cause);
  if (error instanceof AnswerError) return error.code;
  return answerOf(error)?.code;
}

/** The cause of the error, in place of the SDK's own, which holds the request with its signature. */
class AnswerError extends Error {
  override readonly name = 'AzureAnswerError';
  readonly status: number;
  readonly code: string;

  constructor({ status, code, message }: Answer) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfter: string | undefined;
}

function answerOf(error: unknown): Answer | undefined {
  if (!(error instanceof RestError) || error.statusCode === undefined) return undefined;
  const { statusCode: status, response } = error;
  const header = (name: string) => response?.headers.get(name);
  return {
    status,
    code: header('x-ms-error-code') ?? textOf(error.code),
    // Further lines hold the request id, the time and, for signatures, the signed text.
    message: oneLine(textOf(error.message).split('\n')[0] ?? ''),
    retryAfter: header('retry-after'),
  };
}

function fromAnswer(answer: Answer, { action, container }: AzureErrorContext): StoreError {
  const { status, code, message } = answer;
  const isPut = action.startsWith('put ');
  // There is a lease on the blob, so the blob exists.
  const kind = isLease(code) ? (isPut ? 'exists' : 'denied') : kindOfAnswer(answer);
  const said = code === '' || code === 'REQUEST_SEND_ERROR' ? `${status}` : `${status} ${code}`;
  const isCold = kind === 'cold';
  return answerError(
    kind,
    {
      action,
      container: `container ${container}`,
      said,
      message,
      sentence: isCold ? 'in the archive tier Archive' : undefined,
    },
    {
      cause: new AnswerError(answer),
      hint: isCold ? coldHint(action) : isLease(code) ? leaseHint : hints[kind],
      retryAfterMs: retryAfterMs(answer.retryAfter),
    },
  );
}

const leaseHint =
  'Somebody holds a lease on it; it can be broken in the portal or with `az storage blob lease break`.';

function isLease(code: string): boolean {
  return code === 'LeaseIdMissing' || code === 'LeaseIdMismatchWithBlobOperation';
}

function kindOfAnswer({ status, code }: Answer): StoreErrorKind {
  const byCode = kindOfCode.get(code);
  if (byCode !== undefined) return byCode;
  // Below 400 the status was no error, but the answer could not be read: it was cut or foreign.
  return status < 400 ? 'unreachable' : kindOfStatus(status);
}

const kindOfCode: ReadonlyMap<string, StoreErrorKind> = new Map<string, StoreErrorKind>(
  Object.entries({
    BlobNotFound: 'absent',
    ContainerNotFound: 'no-container',
    ContainerBeingDeleted: 'no-container',
    BlobAlreadyExists: 'exists',
    ConditionNotMet: 'exists',
    // 403 for a caller that may create but not replace: the blob exists.
    UnauthorizedBlobOverwrite: 'exists',
    BlobArchived: 'cold',
    BlobBeingRehydrated: 'cold',
    ServerBusy: 'throttled',
    OperationTimedOut: 'unreachable',
    AccountIsDisabled: 'denied',
    PublicAccessNotPermitted: 'denied',
    BlobImmutableDueToPolicy: 'denied',
    // The service received other bytes than were sent.
    Md5Mismatch: 'damaged',
    Crc64Mismatch: 'damaged',
  } as const),
);

const hints: Partial<Record<StoreErrorKind, string>> = {
  denied:
    'Check the credentials, the clock of this host, and that this identity may read, write, list and delete in this container.',
  'no-container': 'Create the container, or correct its name in the URL.',
};

const noIdentity = 'none are configured, and this host has no identity';

/** A temporary failure of the token service, or no answer: it says nothing about the credentials. */
export class TokenServiceFailure extends Error {
  override readonly name = 'TokenServiceFailure';

  constructor(cause: unknown) {
    super('no token', { cause });
  }
}

/** A refusal by the token service, in its own words. */
export class TokenServiceRefusal extends Error {
  override readonly name = 'TokenServiceRefusal';
}

/** True for an error about credentials. `@azure/identity` has many classes; their names tell. */
function isAboutCredentials(error: unknown): boolean {
  return error instanceof Error && /Credential|Authentication|TokenServiceRefusal/.test(error.name);
}

function credentialsFailure(error: unknown, { action }: AzureErrorContext): StoreError {
  const hasNone = error instanceof Error && /^(Aggregate|CredentialUnavailable)/.test(error.name);
  const said = hasNone ? noIdentity : oneLine(messageOf(error));
  return new StoreError('denied', `${action}: no credentials (${said})`, {
    cause: plainCause(error),
    hint: 'Set account-key, sas-token or connection-string of this repository, or give this host a managed or workload identity.',
  });
}
