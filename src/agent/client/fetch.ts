/**
 * `walvault fetch` of a recovering server before anything else is loaded: takes the segment that the agent has fetched
 * ahead, if it has. Everything but "a verified file lies ready" is decided by fetch itself: the agent never says that
 * something is absent.
 */
import { lstatSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { identityOf, isSameFile } from '../../base/files/identity.ts';
import type { LogEvent } from '../../base/log.ts';
import { findAddress, inspectDirectory, type AgentAddress } from './address.ts';
import { exchange } from './exchange.ts';
import { digestEnvironment, readFingerprint } from './fingerprint.ts';
import { plainWords } from './plain-words.ts';
import type { ReadyFile } from './protocol.ts';

/** The agent shows that it is alive every second. */
const silenceMs = 5000;
/** Before it has said how long it may take. */
const mayTakeMs = 60_000;

export type FetchThroughAgent =
  /** The destination is there, verified, its content durable. */
  | { readonly kind: 'delivered'; readonly events: readonly LogEvent[] }
  | {
      readonly kind: 'unanswered';
      /** Where an agent for this fetch would listen; undefined: this fetch is not for an agent. */
      readonly address: AgentAddress | undefined;
      /** What is to be said about an agent that failed; undefined when there simply was nothing. */
      readonly complaint: string | undefined;
    };

export interface FetchClues {
  readonly env: NodeJS.ProcessEnv;
  /** The data directory, whose server recovers. */
  readonly workingDirectory: string;
  readonly signal: AbortSignal;
}

/** `argv` with its verb. @throws the signal's reason */
export async function fetchThroughAgent(
  argv: readonly string[],
  { env, workingDirectory, signal }: FetchClues,
): Promise<FetchThroughAgent> {
  const unanswered = (address?: AgentAddress, complaint?: string): FetchThroughAgent => ({
    kind: 'unanswered',
    address,
    complaint,
  });
  const given = plainFetch(argv);
  // Whoever debugs wants to see the work done.
  if (given === undefined || env['WALVAULT_DEBUG'] === '1') return unanswered();
  const address = findAddress({ ...given, walPath: given.destination, workingDirectory, env });
  if (address === undefined) return unanswered();
  if (inspectDirectory(address.directory) !== 'ours') return unanswered(address);
  const destination = resolve(workingDirectory, given.destination);
  const request = {
    verb: 'fetch',
    fingerprint: readFingerprint(address.configPath),
    environment: digestEnvironment(env),
    name: given.name,
    destination,
    timeline: given.timeline,
  } as const;
  const answer = await exchange(address.socketPath, request, { silenceMs, mayTakeMs, signal });
  switch (answer.kind) {
    case 'ready': {
      if (!takeOver(answer.file, destination)) return unanswered(address);
      const isWanted = ({ level }: LogEvent) =>
        level === 'debug' ? given.verbose : level !== 'info' || !given.quiet;
      return { kind: 'delivered', events: answer.events.filter(isWanted) };
    }
    case 'silent':
    case 'broken':
      return unanswered(address, `the agent did not answer (${answer.detail}): this fetch works without it`);
    default:
      return unanswered(address);
  }
}

/**
 * By this process and not by the agent: once PostgreSQL has given up on a fetch and asks for the next segment, nobody
 * may put an earlier one into its place. The content is on disk; the name need not be: PostgreSQL gives the file another
 * one durably (KeepFileRestoredFromArchive in xlogarchive.c), and after a crash asks again.
 * @returns false when the file is not, or not any more, the one that was verified
 */
function takeOver({ path, identity }: ReadyFile, destination: string): boolean {
  try {
    if (!isSameFile(identityOf(lstatSync(path, { bigint: true })), identity)) return false;
    renameSync(path, destination);
    return true;
  } catch {
    // Fetch itself writes to the same place, and says what is wrong with it.
    return false;
  }
}

export interface PlainFetch {
  readonly name: string;
  readonly destination: string;
  readonly timeline: number | undefined;
  readonly configPath: string | undefined;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** The arguments, if they are a recovery's for a segment; everything else is for the parser that knows all. */
export function plainFetch(argv: readonly string[]): PlainFetch | undefined {
  const plain = plainWords(argv, ['--timeline']);
  if (plain === undefined) return undefined;
  const { words, values, flags, configPath, verbose, quiet } = plain;
  const [verb, name, destination, ...rest] = words;
  if (verb !== 'fetch' || name === undefined || destination === undefined || rest.length > 0)
    return undefined;
  if (!/^[0-9A-F]{24}$/.test(name) || destination === '') return undefined;
  // It only matters where a segment is missing.
  if ([...flags].some(flag => flag !== '--target-set')) return undefined;
  const timeline = values.get('--timeline');
  if (timeline !== undefined && !/^\d{1,10}$/.test(timeline)) return undefined;
  return {
    name,
    destination,
    timeline: timeline === undefined ? undefined : Number(timeline),
    configPath,
    verbose,
    quiet,
  };
}
