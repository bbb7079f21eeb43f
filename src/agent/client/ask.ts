/** How a push or a fetch asks the agent, before anything else is loaded. */
import { monotonicMs } from '../../base/time/clock.ts';
import { isShown, type Verbosity } from '../../base/log-level.ts';
import { findAddress, inspectDirectory, type AgentAddress } from './address.ts';
import { exchange, type Answer } from './exchange.ts';
import { digestEnvironment, readFingerprint } from './fingerprint.ts';
import type { ReportLine, Request } from './protocol.ts';

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** The working directory: the server's data directory, where PostgreSQL calls push and fetch. */
  readonly workingDirectory: string;
  readonly signal: AbortSignal;
}

type WorkRequest = Extract<Request, { verb: 'push' | 'fetch' }>;
type WithoutPrint<Work> = Work extends unknown ? Omit<Work, 'fingerprint' | 'environment'> : never;

export interface Question {
  readonly request: WithoutPrint<WorkRequest>;
  /** `%p`. */
  readonly walPath: string;
  /** From `--config`. */
  readonly configPath: string | undefined;
  /**
   * Longest wait for the answer, until the agent has said how long it may take. Undefined: as long as the agent lives.
   */
  readonly mayTakeMs?: number;
}

/** There was no answer, and the command does the work itself. */
export interface Unanswered {
  readonly kind: 'unanswered';
  /** Where an agent for this command would listen. Undefined: no agent could serve this command. */
  readonly address: AgentAddress | undefined;
  /** Time that asking took; it counts towards the limit of the work. */
  readonly elapsedMs: number;
  /** Why an agent that runs did not answer. Undefined: no agent runs, or it is well. */
  readonly complaint: string | undefined;
}

/** Longest silence of an agent: it sends a sign of life every second. */
const silenceMs = 5000;

export const notForAnAgent: Unanswered = {
  kind: 'unanswered',
  address: undefined,
  elapsedMs: 0,
  complaint: undefined,
};

/**
 * Asks, and passes the answer to `take`, which returns undefined for an answer that does not end the command.
 * @throws the signal's reason
 */
export async function ask<Outcome>(
  { request, mayTakeMs, ...clues }: Question,
  surroundings: Surroundings,
  take: (answer: Answer) => Outcome | undefined,
): Promise<Outcome | Unanswered> {
  const { env, signal } = surroundings;
  const startedAt = monotonicMs();
  // Who debugs wants to see the work and the causes of an error, and causes do not travel.
  if (env['WALVAULT_DEBUG'] === '1') return notForAnAgent;
  const address = findAddress({ ...clues, ...surroundings });
  if (address === undefined) return notForAnAgent;
  const unanswered = (complaint?: string): Unanswered => ({
    kind: 'unanswered',
    address,
    elapsedMs: monotonicMs() - startedAt,
    complaint,
  });
  if (inspectDirectory(address.directory) !== 'ours') return unanswered();
  const print = { fingerprint: readFingerprint(address.configPath), environment: digestEnvironment(env) };
  const answer = await exchange(
    address.socketPath,
    { ...request, ...print },
    { silenceMs, mayTakeMs, signal },
  );
  const outcome = take(answer);
  if (outcome !== undefined) return outcome;
  const hasFailed = answer.kind === 'silent' || answer.kind === 'broken';
  return unanswered(hasFailed ? answer.detail : undefined);
}

/** The agent's log goes where the configuration says. */
export function asksForOwnLog(values: {
  readonly 'log-format': string | undefined;
  readonly 'log-file': string | undefined;
}): boolean {
  return (values['log-format'] ?? values['log-file']) !== undefined;
}

/** The lines that the command line asks to see, in their order. */
export function shownLines(lines: readonly ReportLine[], verbosity: Verbosity): ReportLine[] {
  return lines.filter(({ level }) => isShown(level, verbosity));
}
