/** How long a restored copy may hold the WAL for its server. */
export { longestHoldMs } from '../../repository/restores-in-progress.ts';

/** Where nobody says otherwise. The usual replay takes hours. */
export const replayHoldMs = 3 * 24 * 3_600_000;
