/** Errors from the answers of a service, as far as all services agree: the kind by HTTP status, and its sentence. */
import { StoreError, type StoreErrorDetails, type StoreErrorKind } from '../store.ts';

/** The kind for a status from 400 on, where the service's code does not say more (RFC 9110 §15). */
export function kindOfStatus(status: number): StoreErrorKind {
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'absent';
  if (status === 412) return 'exists';
  if (status === 429 || status === 503) return 'throttled';
  if (status === 408 || (status >= 500 && status !== 501)) return 'unreachable';
  return 'invalid';
}

export interface ServiceAnswer {
  /** The call and the object: `put a/b`. */
  readonly action: string;
  /** `bucket wal`. */
  readonly container: string;
  /** Status and the service's own code, which an administrator searches for: `404 NoSuchKey`. */
  readonly said: string;
  /** The service's own message, in one line; '' for none. */
  readonly message: string;
  /** Replaces the sentence for the kind, where the service has told more. */
  readonly sentence?: string | undefined;
}

export function answerError(
  kind: StoreErrorKind,
  answer: ServiceAnswer,
  details: StoreErrorDetails,
): StoreError {
  const { action, said, sentence } = answer;
  const text = sentence === undefined ? sentenceFor(kind, answer) : `${sentence} (${said})`;
  return new StoreError(kind, `${action}: ${text}`, details);
}

function sentenceFor(kind: StoreErrorKind, { container, said, message }: ServiceAnswer): string {
  const reason = message === '' ? said : `${said}: ${message}`;
  switch (kind) {
    case 'absent':
      return `no such object (${said})`;
    case 'no-container':
      return `there is no ${container} (${said})`;
    case 'exists':
      return `already exists (${said})`;
    case 'denied':
      return `denied by the service (${reason})`;
    case 'throttled':
      return `the service asks to slow down (${said})`;
    default:
      return `the service answered ${reason}`;
  }
}
