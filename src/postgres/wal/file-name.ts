/**
 * The names of the four kinds of files that PostgreSQL archives (xlog_internal.h). A segment's name is timeline, "log"
 * and "seg", eight hex digits each; `WalGeometry` computes its place in the WAL.
 */

export type WalFileName =
  | { kind: 'segment'; name: string; timeline: number; log: number; seg: number }
  /** `<segment>.partial`: the unfinished last segment of a timeline that was left. */
  | { kind: 'partial'; name: string; timeline: number; log: number; seg: number }
  /** `<segment>.<8 hex>.backup`: written at the end of a base backup taken on a primary. */
  | { kind: 'backup'; name: string; timeline: number; log: number; seg: number; offset: number }
  | { kind: 'history'; name: string; timeline: number };

/**
 * Parses a name with upper-case digits only, as IsXLogFileName and its siblings do. Undefined for a path or any other
 * text.
 */
export function parseWalFileName(name: string): WalFileName | undefined {
  const history = /^([0-9A-F]{8})\.history$/.exec(name);
  if (history !== null) return { kind: 'history', name, timeline: hex(history[1]) };
  const match = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:(\.partial)|\.([0-9A-F]{8})\.backup)?$/.exec(
    name,
  );
  if (match === null) return undefined;
  const position = { name, timeline: hex(match[1]), log: hex(match[2]), seg: hex(match[3]) };
  if (match[4] !== undefined) return { kind: 'partial', ...position };
  if (match[5] !== undefined) return { kind: 'backup', ...position, offset: hex(match[5]) };
  return { kind: 'segment', ...position };
}

function hex(digits: string | undefined): number {
  return Number.parseInt(digits ?? '', 16);
}

export function historyFileName(timeline: number): string {
  return `${formatHex8(timeline)}.history`;
}

/** False for timeline 1, which initdb makes. PostgreSQL asks for its history all the same (writeTimeLineHistory). */
export function canHaveHistory(timeline: number): boolean {
  return timeline > 1;
}

/** Eight upper-case hex digits, as PostgreSQL writes each part of a name. */
export function formatHex8(value: number | bigint): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}
