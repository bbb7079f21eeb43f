/** The judgement on the lag of a repository: what the server has written and no recovery reaches yet. Pure. */
import { formatDuration, formatSize } from '../../base/units.ts';
import { newestOf } from '../../repository/live-systems.ts';
import { knownOf } from './facts.ts';
import type { Finding } from './level.ts';
import { subjectOf, type RepositoryQuestion } from './question.ts';
import type { RecoverableWindow } from './recoverable.ts';
import type { Lag } from './result.ts';

/** The long header of a segment's first page (SizeOfXLogLongPHD): a server that stands there has written nothing after it. */
const emptySegmentBytes = 40;

export function lagOf(
  { facts, system, now }: RepositoryQuestion,
  newest: RecoverableWindow | undefined,
): Lag {
  const server = knownOf(facts.server);
  if (newest === undefined) return { bytes: undefined, ms: undefined };
  // The end of the newest window may lie before a hole: what arrived later is not recoverable, and says nothing.
  const arrivedAt = newest.toTime ?? newestOf(system?.archive?.survey.runs);
  const sinceMs = arrivedAt && Math.max(0, now.getTime() - arrivedAt.getTime());
  if (server === undefined) return { bytes: undefined, ms: sinceMs };
  const bytes = server.lsn > newest.toLsn ? Number(server.lsn - newest.toLsn) : 0;
  return { bytes, ms: bytes <= emptySegmentBytes ? 0 : sinceMs };
}

export function lagFindings({ facts, repository }: RepositoryQuestion, { bytes, ms }: Lag): Finding[] {
  const { maxLagMs } = facts;
  if (ms === undefined || ms <= maxLagMs) return [];
  const subject = subjectOf(repository);
  const limit = `more than status.max-lag (${formatDuration(maxLagMs)})`;
  if (bytes === undefined)
    return [
      {
        level: 'unknown',
        code: 'lag',
        subject,
        message: `no WAL has arrived for ${formatDuration(ms)}, ${limit}; whether the server has written any is not known`,
        hint: 'Run this where the server can be reached, or look whether it archives.',
      },
    ];
  const archiveTimeout = knownOf(facts.server)?.archiveTimeoutSeconds;
  return [
    {
      level: repository.required && ms > 4 * maxLagMs ? 'critical' : 'warning',
      code: 'lag',
      subject,
      message: `${formatSize(bytes)} of WAL, up to ${formatDuration(ms)} old, cannot be recovered yet, ${limit}`,
      hint:
        archiveTimeout === 0
          ? 'archive_timeout is 0: a quiet server keeps its last segment. Set archive_timeout = 60s.'
          : "Look for the archive_command's messages in the server's log; `walvault check` proves each link.",
    },
  ];
}
