/**
 * `walvault push` before anything else is loaded: asks the agent, if there is one. Whatever comes in the way, the push
 * does the work itself; only an answer ends it here.
 */
import { resolve } from 'node:path';
import { monotonicMs } from '../../base/time/clock.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { LogEvent } from '../../base/log.ts';
import { findAddress, inspectDirectory, type AgentAddress } from './address.ts';
import { exchange } from './exchange.ts';
import { digestEnvironment, readFingerprint } from './fingerprint.ts';
import { plainWords } from './plain-words.ts';
import { errorOf } from './protocol.ts';

/** The agent shows that it is alive every second. */
const silenceMs = 5000;

export type PushThroughAgent =
  | {
      readonly kind: 'answered';
      /** To be shown, in this order; those that the command line does not ask for are left out. */
      readonly events: readonly LogEvent[];
      /** Undefined: durable in every required repository. */
      readonly error: WalvaultError | undefined;
    }
  | {
      readonly kind: 'unanswered';
      /** Where an agent for this push would listen; undefined: this push is not for an agent. */
      readonly address: AgentAddress | undefined;
      /** Time spent on asking. */
      readonly elapsedMs: number;
      /** What is to be said about an agent that failed; undefined when there simply was none. */
      readonly complaint: string | undefined;
    };

export interface PushClues {
  readonly env: NodeJS.ProcessEnv;
  readonly workingDirectory: string;
  readonly signal: AbortSignal;
}

/** `argv` with its verb. @throws the signal's reason */
export async function pushThroughAgent(
  argv: readonly string[],
  { env, workingDirectory, signal }: PushClues,
): Promise<PushThroughAgent> {
  const startedAt = monotonicMs();
  const unanswered = (address?: AgentAddress, complaint?: string): PushThroughAgent => ({
    kind: 'unanswered',
    address,
    elapsedMs: monotonicMs() - startedAt,
    complaint,
  });
  const given = plainPush(argv);
  // Whoever debugs wants the causes of an error, which do not travel.
  if (given === undefined || env['WALVAULT_DEBUG'] === '1') return unanswered();
  const address = findAddress({ ...given, walPath: given.path, workingDirectory, env });
  if (address === undefined) return unanswered();
  const state = inspectDirectory(address.directory);
  if (state !== 'ours') return unanswered(address);
  const request = {
    verb: 'push',
    fingerprint: readFingerprint(address.configPath),
    environment: digestEnvironment(env),
    path: resolve(workingDirectory, given.path),
    givenPath: given.path,
  } as const;
  const answer = await exchange(address.socketPath, request, { silenceMs, signal });
  const isWanted = ({ level }: LogEvent) =>
    level === 'debug' ? given.verbose : level !== 'info' || !given.quiet;
  switch (answer.kind) {
    case 'done':
      return { kind: 'answered', events: answer.events.filter(isWanted), error: undefined };
    case 'failed': {
      const { events, failure } = answer;
      return { kind: 'answered', events: events.filter(isWanted), error: errorOf(failure) };
    }
    case 'silent':
    case 'broken':
      return unanswered(address, `the agent did not answer (${answer.detail}): this push works without it`);
    default:
      return unanswered(address);
  }
}

export interface PlainPush {
  readonly path: string;
  readonly configPath: string | undefined;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** The arguments, if they are those of an ordinary push; everything else is for the parser that knows all. */
export function plainPush(argv: readonly string[]): PlainPush | undefined {
  const plain = plainWords(argv);
  if (plain === undefined || plain.flags.size > 0) return undefined;
  const [verb, path, ...rest] = plain.words;
  if (verb !== 'push' || path === undefined || path === '' || rest.length > 0) return undefined;
  const { configPath, verbose, quiet } = plain;
  return { path, configPath, verbose, quiet };
}
