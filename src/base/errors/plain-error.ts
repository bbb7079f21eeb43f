/** An error as plain data that can cross a socket or a thread. */
import { WalvaultError, type ErrorCode } from './errors.ts';

export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly retry: boolean;
}

/** An error that is not a `WalvaultError` becomes `internal`. Causes are left out. */
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
