/**
 * `walvault push` through the agent, before anything else is loaded. Without an answer the push does the work itself.
 */
import { resolve } from 'node:path';
import type { WalvaultError } from '../../base/errors/errors.ts';
import { fromPlainError } from '../../base/errors/plain-error.ts';
import { monotonicMs } from '../../base/time/clock.ts';
import { watchForStop } from '../../postgres/cluster/stopping-server.ts';
import { ask, asksForOwnLog, notForAnAgent, shownLines, type Surroundings, type Unanswered } from './ask.ts';
import type { ReportLine } from './protocol.ts';
import { quickParse } from './quick-parse.ts';
import { pushLine } from './command-lines.ts';

export type PushThroughAgent =
  | {
      readonly kind: 'answered';
      /** Lines to show, in this order. */
      readonly lines: readonly ReportLine[];
      /** Undefined: the file is durable in every required repository. */
      readonly error: WalvaultError | undefined;
      /** The error is one of the lines. */
      readonly isErrorTold: boolean;
    }
  | Unanswered;

/** Asks the agent to push the file that `argv` (with its verb) names. @throws the signal's reason */
export async function pushThroughAgent(
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<PushThroughAgent> {
  const given = plainPush(argv);
  if (given === undefined) return notForAnAgent;
  const path = resolve(surroundings.workingDirectory, given.path);
  const request = { verb: 'push', path, givenPath: given.path } as const;
  const question = { request, walPath: given.path, configPath: given.configPath };
  const askedAt = monotonicMs();
  const stop = watchForStop(given.path);
  const signal = AbortSignal.any([surroundings.signal, stop.signal]);
  try {
    return await ask<PushThroughAgent>(question, { ...surroundings, signal }, answer => {
      if (answer.kind !== 'done' && answer.kind !== 'failed') return undefined;
      const error = answer.kind === 'failed' ? fromPlainError(answer.failure) : undefined;
      const isErrorTold = answer.kind === 'failed' && answer.isTold;
      return { kind: 'answered', lines: shownLines(answer.lines, given), error, isErrorTold };
    });
  } catch (error) {
    if (error !== stop.signal.reason) throw error;
    // The push itself has little time left, and says why it ends as the configuration asks for it.
    return { ...notForAnAgent, elapsedMs: monotonicMs() - askedAt };
  } finally {
    stop.clear();
  }
}

export interface PlainPush {
  readonly path: string;
  readonly configPath: string | undefined;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** The arguments, if they are those of an ordinary push. */
export function plainPush(argv: readonly string[]): PlainPush | undefined {
  const parsed = quickParse(argv, pushLine);
  if (parsed === undefined || parsed.values.missing || asksForOwnLog(parsed.values)) return undefined;
  const [path, ...rest] = parsed.positionals;
  if (path === undefined || path === '' || rest.length > 0) return undefined;
  const { config: configPath, verbose, quiet } = parsed.values;
  return { path, configPath, verbose, quiet };
}
