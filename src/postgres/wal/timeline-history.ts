/**
 * Timeline history files: one line for each ancestor, oldest first, with the position where it was left (timeline.c).
 *
 *     1<TAB>0/3000158<TAB>no recovery target specified
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseLsn, type Lsn } from './lsn.ts';

export interface TimelineHistoryEntry {
  /** The ancestor's number. */
  timeline: number;
  /** The ancestor's WAL is followed up to here, exclusive. */
  switchpoint: Lsn;
  /** Why the ancestor was left, in PostgreSQL's words. */
  reason: string;
}

/** Histories by the timeline that they belong to. */
export type TimelineHistories = ReadonlyMap<number, readonly TimelineHistoryEntry[]>;

/**
 * Parses the history file of `timeline` as readTimeLineHistory does: blank lines and lines starting with `#` are
 * skipped, timelines must rise and stay below their child. It has at least one ancestor, although PostgreSQL also takes
 * an empty file: PostgreSQL never writes one, but a crash or a full disk leaves one. `source` names the file in errors.
 * @throws WalvaultError `damaged`
 */
export function parseTimelineHistory(timeline: number, text: string, source: string): TimelineHistoryEntry[] {
  const entries: TimelineHistoryEntry[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const entry = parseLine(line);
    if (entry === undefined) throw damaged(source, index, 'not a timeline and a switchpoint');
    const previous = entries.at(-1);
    if (previous !== undefined && entry.timeline <= previous.timeline)
      throw damaged(source, index, 'timelines do not rise');
    if (entry.timeline >= timeline) throw damaged(source, index, `an ancestor that is not below ${timeline}`);
    entries.push(entry);
  }
  if (entries.length === 0) throw damaged(source, 0, 'no timeline and no switchpoint');
  return entries;
}

function parseLine(line: string): TimelineHistoryEntry | undefined {
  // Trimmed before: an expression for blanks at the end takes the square of their number.
  const match = /^(\d{1,10})\s+([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8})(?:\s+(.*))?$/s.exec(line.trim());
  const timeline = Number(match?.[1]);
  if (match === null || timeline > 0xffff_ffff || timeline === 0) return undefined;
  return { timeline, switchpoint: parseLsn(match[2] ?? ''), reason: match[3] ?? '' };
}

function damaged(source: string, index: number, what: string): WalvaultError {
  return new WalvaultError('damaged', `${source}: line ${index + 1}: ${what}`);
}

/** Where an ancestor was left; undefined for a timeline that is not an ancestor. */
export function switchpointOf(history: readonly TimelineHistoryEntry[], ancestor: number): Lsn | undefined {
  return history.find(entry => entry.timeline === ancestor)?.switchpoint;
}

/**
 * The timeline of `lsn` on the way to `timeline`, whose history is given (tliOfPointInHistory): an ancestor up to its
 * switchpoint, exclusive, else `timeline` itself.
 */
export function timelineOfLsn(history: readonly TimelineHistoryEntry[], timeline: number, lsn: Lsn): number {
  return history.find(entry => lsn < entry.switchpoint)?.timeline ?? timeline;
}
