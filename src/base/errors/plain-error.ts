/** An error as data, for the other side of a socket or of a thread. */
import { WalvaultError, type ErrorCode } from './errors.ts';

export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly retry: boolean;
}

/** Anything that is not a `WalvaultError` is an internal error. Causes stay behind. */
export function toPlainError(error: unknown): PlainError {
  if (error instanceof WalvaultError) {
    const { code, message, hint, retry } = error;
    return { code, message, retry, ...(hint !== undefined && { hint }) };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error), retry: false };
}

export function fromPlainError({ code, message, hint, retry }: PlainError): WalvaultError {
  return new WalvaultError(code, message, { hint, retry });
}
