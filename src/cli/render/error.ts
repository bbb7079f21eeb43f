/** The text and the exit status of a failure. */
import { describeFailure } from '../../base/errors/describe-failure.ts';
import { errorCodes, WalvaultError } from '../../base/errors/errors.ts';

/** The lines `walvault: …` and `HINT:  …`, each with a newline. */
export function renderError(error: unknown, options: { isDebug: boolean }): string {
  return describeFailure(error, options)
    .map(line => `${line}\n`)
    .join('');
}

export function exitStatusOf(error: unknown): number {
  return error instanceof WalvaultError ? error.exitCode : errorCodes.internal;
}
