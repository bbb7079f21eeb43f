/** The result of `gap ack`, for people and as JSON. */
import { formatCount } from '../../base/units.ts';
import type { AcknowledgedIn } from '../../operations/gap/options.ts';

export function renderAcknowledged(results: readonly AcknowledgedIn[]): string {
  return results
    .map(({ repository, timeline, firstSegment, lastSegment, segmentCount, isNew }) => {
      const range = segmentCount === 1 ? firstSegment : `${firstSegment} to ${lastSegment}`;
      const size = formatCount(segmentCount, 'segment');
      const state = isNew ? 'acknowledged' : 'was acknowledged before';
      return `repository "${repository}": timeline ${timeline}, ${range} (${size}) ${state}; a recovery that reaches ${firstSegment} ends there\n`;
    })
    .join('');
}

/** The published shape (docs/reference/json.md). */
export function acknowledgedJson(results: readonly AcknowledgedIn[]): unknown {
  return results.map(({ isNew, ...rest }) => ({ ...rest, new: isNew }));
}
