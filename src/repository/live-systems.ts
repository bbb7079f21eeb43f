/**
 * Two servers under one cluster name. A cluster has a second system after pg_upgrade or a new initdb, and the first then
 * archives nothing more. If both go on, a second server was given the first one's configuration. Pure.
 */
export interface SystemActivity {
  readonly systemId: bigint;
  /** When its first object was written. Undefined if that was not noted. */
  readonly firstSeen: Date | undefined;
  /** When its newest WAL reached the store. */
  readonly lastArchivedAt: Date | undefined;
}

/** So long an old server's last segments may still arrive, and clocks may differ. */
const graceMs = 24 * 3_600_000;

/** The systems that still archived when a later one of the same cluster had done so for a day. */
export function systemsSideBySide(systems: readonly SystemActivity[]): SystemActivity[] {
  return systems.filter(one =>
    systems.some(
      other =>
        isLater(other, one) &&
        Math.min(lastOf(one), lastOf(other)) - (other.firstSeen?.getTime() ?? Infinity) > graceMs,
    ),
  );
}

function isLater(other: SystemActivity, one: SystemActivity): boolean {
  return (
    other !== one &&
    other.firstSeen !== undefined &&
    one.firstSeen !== undefined &&
    other.firstSeen.getTime() > one.firstSeen.getTime()
  );
}

function lastOf({ lastArchivedAt }: SystemActivity): number {
  return lastArchivedAt?.getTime() ?? -Infinity;
}

/** The time of the newest of some runs of WAL. */
export function newestOf(runs: readonly { readonly lastModified: Date }[] = []): Date | undefined {
  return runs.map(({ lastModified }) => lastModified).toSorted((a, b) => b.getTime() - a.getTime())[0];
}

/** The sentence for people. */
export function describeSideBySide(systemIds: readonly bigint[]): string {
  return `${systemIds.length === 1 ? 'system' : 'systems'} ${systemIds.join(', ')} went on archiving beside a later one: two servers archive under one name`;
}
