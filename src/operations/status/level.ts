/** How much something matters, and what must be done about it. Pure. */

/** `unknown`: it could not be looked at, and is never shown as sound (P13). */
export type Level = 'ok' | 'unknown' | 'warning' | 'critical';

/** From the least to the most urgent, as monitoring systems put several results together. */
const order: readonly Level[] = ['ok', 'unknown', 'warning', 'critical'];

export interface Finding {
  readonly level: Exclude<Level, 'ok'>;
  /** Names the kind of finding, for programs: `backup-overdue`. docs/status.md has all of them. */
  readonly code: string;
  /** `repository "main"`, `server`, `pg_wal`, `agent`. */
  readonly subject: string;
  /** One line. */
  readonly message: string;
  /** The next step. */
  readonly hint: string;
}

export function worst(levels: Iterable<Level>): Level {
  let found: Level = 'ok';
  for (const level of levels) if (order.indexOf(level) > order.indexOf(found)) found = level;
  return found;
}

/** The most urgent first; those of one level in the order in which they were found. */
export function byUrgency(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => order.indexOf(b.level) - order.indexOf(a.level));
}
