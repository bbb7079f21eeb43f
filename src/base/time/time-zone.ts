/** Time zones by name: what a zone's clocks show at an instant, and the instants at which they show a time. Pure. */

const dayMs = 86_400_000;

/**
 * The instants, in milliseconds since 1970, at which clocks in the zone show a time (given as if they showed UTC): one
 * as a rule, none where they were put forward over it, two where they were put back. Undefined: there is no such zone.
 */
export function instantsOf(clockMs: number, zone: string): number[] | undefined {
  const clock = clockOf(zone);
  if (clock === undefined) return undefined;
  const offsets = [clockMs - dayMs, clockMs + dayMs].map(instant => clock(instant) - instant);
  const instants = offsets.map(offset => clockMs - offset).filter(instant => clock(instant) === clockMs);
  return [...new Set(instants)].toSorted((a, b) => a - b);
}

/**
 * Gives what the zone's clocks show at an instant, to the second, as if they showed UTC. Undefined: there is no such zone.
 */
export function clockOf(zone: string): ((instantMs: number) => number) | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return instantMs => {
    const shown = new Map(format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => shown.get(type) ?? 0;
    return Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
  };
}
