/**
 * `walvault fetch` of a recovering server, through the agent: takes a segment that the agent has fetched ahead. The
 * agent never says that a segment is absent: without a verified file, fetch itself decides.
 */
import { lstatSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { identityOf, isSameFile } from '../../base/files/identity.ts';
import { ask, asksForOwnLog, notForAnAgent, shownLines, type Surroundings, type Unanswered } from './ask.ts';
import type { ReadyFile, ReportLine } from './protocol.ts';
import { quickParse } from './quick-parse.ts';
import { fetchLine } from './command-lines.ts';

/** Longest wait before the agent has said how long it may take. */
const mayTakeMs = 60_000;

export type FetchThroughAgent =
  /** The destination is there, verified, and its content is durable. `lines` are to be shown. */
  { readonly kind: 'delivered'; readonly lines: readonly ReportLine[] } | Unanswered;

/** Asks for the segment that `argv` (with its verb) names. @throws the signal's reason */
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
 * Renames the segment to its destination in this process, not in the agent: once PostgreSQL has given up on a fetch and
 * asks for the next segment, an earlier one must not take its place. The content is on disk. The name need not be:
 * PostgreSQL renames the file durably (KeepFileRestoredFromArchive in xlogarchive.c), and asks again after a crash.
 * @returns false when the file is no longer the one that was verified
 */
function takeOver({ path, identity }: ReadyFile, destination: string): boolean {
  try {
    if (!isSameFile(identityOf(lstatSync(path, { bigint: true })), identity)) return false;
    renameSync(path, destination);
    return true;
  } catch {
    // The fetch itself writes to the same place, and reports the problem.
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

/** The arguments, if they are those of a recovery that asks for a segment. */
export function plainFetch(argv: readonly string[]): PlainFetch | undefined {
  const parsed = quickParse(argv, fetchLine);
  if (parsed === undefined || parsed.values['system-id'] !== undefined) return undefined;
  // The agent reads all repositories, as they are.
  if ((parsed.values.repository ?? parsed.values['repository-time']) !== undefined) return undefined;
  if (asksForOwnLog(parsed.values)) return undefined;
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
