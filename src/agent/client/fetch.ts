/**
 * `walvault fetch` of a recovering server before anything else is loaded: takes the segment that the agent has fetched
 * ahead, if it has. Everything but "a verified file lies ready" is decided by fetch itself: the agent never says that
 * something is absent.
 */
import { lstatSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { identityOf, isSameFile } from '../../base/files/identity.ts';
import { ask, notForAnAgent, shownLines, type Surroundings, type Unanswered } from './ask.ts';
import type { ReadyFile, ReportLine } from './protocol.ts';
import { quickParse } from './quick-parse.ts';
import { fetchLine } from './command-lines.ts';

/** Before the agent has said how long it may take. */
const mayTakeMs = 60_000;

export type FetchThroughAgent =
  /** The destination is there, verified, its content durable. `lines` are to be shown. */
  { readonly kind: 'delivered'; readonly lines: readonly ReportLine[] } | Unanswered;

/** `argv` with its verb. @throws the signal's reason */
export async function fetchThroughAgent(
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<FetchThroughAgent> {
  const given = plainFetch(argv);
  if (given === undefined) return notForAnAgent;
  const destination = resolve(surroundings.workingDirectory, given.destination);
  const { name, timeline, configPath } = given;
  const request = { verb: 'fetch', name, destination, timeline } as const;
  const question = { request, walPath: given.destination, configPath, mayTakeMs };
  return await ask<FetchThroughAgent>(question, surroundings, answer => {
    if (answer.kind !== 'ready' || !takeOver(answer.file, destination)) return undefined;
    return { kind: 'delivered', lines: shownLines(answer.lines, given) };
  });
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

/** The arguments, if they are a recovery's for a segment. */
export function plainFetch(argv: readonly string[]): PlainFetch | undefined {
  const parsed = quickParse(argv, fetchLine);
  if (parsed === undefined || parsed.values['system-id'] !== undefined) return undefined;
  const [name, destination, ...rest] = parsed.positionals;
  if (name === undefined || destination === undefined || rest.length > 0) return undefined;
  if (!/^[0-9A-F]{24}$/.test(name) || destination === '') return undefined;
  // `--target-set` only matters where a segment is missing.
  const { timeline, config: configPath, verbose, quiet } = parsed.values;
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
