/** What a push and a fetch do alike to ask the agent, before anything else is loaded. */
import { monotonicMs } from '../../base/time/clock.ts';
import { isShown, type Verbosity } from '../../base/log-level.ts';
import { findAddress, inspectDirectory, type AgentAddress } from './address.ts';
import { exchange, type Answer } from './exchange.ts';
import { digestEnvironment, readFingerprint } from './fingerprint.ts';
import type { ReportLine, Request } from './protocol.ts';

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Where PostgreSQL calls push and fetch: its data directory. */
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
  /** Longest time until the answer, before the agent has said how long it may take. Undefined: as long as it lives. */
  readonly mayTakeMs?: number;
}

/** The command does the work itself. */
export interface Unanswered {
  readonly kind: 'unanswered';
  /** Where an agent for this command would listen. Undefined: the command is not for an agent. */
  readonly address: AgentAddress | undefined;
  /** Time spent on asking: it counts towards the work's own. */
  readonly elapsedMs: number;
  /** Why an agent that is there did not answer. Undefined: there was none, or nothing is wrong with it. */
  readonly complaint: string | undefined;
}

/** The agent shows that it is alive every second. */
const silenceMs = 5000;

export const notForAnAgent: Unanswered = {
  kind: 'unanswered',
  address: undefined,
  elapsedMs: 0,
  complaint: undefined,
};

/** `take` returns undefined for an answer that does not end the command. @throws the signal's reason */
export async function ask<Outcome>(
  { request, mayTakeMs, ...clues }: Question,
  surroundings: Surroundings,
  take: (answer: Answer) => Outcome | undefined,
): Promise<Outcome | Unanswered> {
  const { env, signal } = surroundings;
  const startedAt = monotonicMs();
  // People who debug want to see the work done, and the causes of an error, which do not travel.
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

/** Those that the command line asks to see, in their order. */
export function shownLines(lines: readonly ReportLine[], verbosity: Verbosity): ReportLine[] {
  return lines.filter(({ level }) => isShown(level, verbosity));
}
