/** The judgement on the server's archiver and on the agent. Pure. */
import { formatDuration } from '../../base/units.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { isKnown, type AgentFacts, type ServerFacts, type StatusFacts } from './facts.ts';
import type { Finding } from './level.ts';
import type { RepositoryStatus, ServerStatus } from './result.ts';

const subject = 'server';

export function judgeServer(
  facts: StatusFacts,
  repositories: readonly RepositoryStatus[],
  now: Date,
): { readonly status: ServerStatus | undefined; readonly findings: readonly Finding[] } {
  const { server } = facts;
  if (server === undefined) return { status: undefined, findings: [] };
  if (!isKnown(server)) {
    const message = `cannot be asked: ${server.unknown}`;
    const hint = server.hint ?? 'Is it running? --no-postgres looks at the repositories alone.';
    return {
      status: undefined,
      findings: [{ level: 'unknown', code: 'server-unreachable', subject, message, hint }],
    };
  }
  const status = describeServer(server.known);
  return { status, findings: archivingFindings(server.known, { facts, repositories, now }) };
}

function archivingFindings(
  { archiveMode, isStandby, archiver }: ServerFacts,
  {
    facts,
    repositories,
    now,
  }: {
    readonly facts: Pick<StatusFacts, 'maxLagMs'>;
    readonly repositories: readonly RepositoryStatus[];
    readonly now: Date;
  },
): Finding[] {
  // The primary archives a standby's WAL.
  if (archiveMode === 'off')
    return isStandby
      ? []
      : [
          {
            level: 'critical',
            code: 'archiving-off',
            subject,
            message: 'archive_mode is off: nothing is archived',
            hint: 'Set archive_mode = on and archive_command, and restart the server.',
          },
        ];
  const { lastFailure, lastArchivedAt } = archiver;
  if (lastFailure?.isNewest !== true) return [];
  const sinceMs = lastArchivedAt && now.getTime() - lastArchivedAt.getTime();
  const since =
    sinceMs === undefined
      ? 'and none has ever been archived'
      : `and none has been archived for ${formatDuration(Math.max(0, sinceMs))}`;
  const isLong = sinceMs === undefined || sinceMs > facts.maxLagMs;
  const named = repositories.flatMap(({ name, isReadable }) => (isReadable ? [] : [`"${name}"`]));
  const where = named.length === 0 ? '' : ` Repository ${named.join(', ')} cannot be read from here either.`;
  return [
    {
      level: isLong ? 'critical' : 'warning',
      code: 'archiving-fails',
      subject,
      message: `archive_command failed with ${lastFailure.wal} at ${lastFailure.at.toISOString()}, ${since}`,
      hint: `Look for its messages in the server's log, or run it by hand as the server's user.${where}`,
    },
  ];
}

function describeServer(server: ServerFacts): ServerStatus {
  const { systemId, isStandby, timeline, lsn, archiveMode, archiver } = server;
  const { archivedCount, failedCount, lastArchivedWal, lastArchivedAt, lastFailure } = archiver;
  return {
    systemId,
    isStandby,
    timeline,
    lsn: formatLsn(lsn),
    positionBytes: Number(lsn),
    archiveMode,
    archivedCount,
    failedCount,
    lastArchivedWal,
    lastArchivedAt,
    lastFailedWal: lastFailure?.wal,
    lastFailedAt: lastFailure?.at,
    isFailing: lastFailure?.isNewest === true,
  };
}

/** No agent is no fault: the next push starts one. One that cannot be asked harms nothing, and is shown as such. */
export function judgeAgent(agent: AgentFacts | undefined): Finding[] {
  if (agent?.kind !== 'silent') return [];
  return [
    {
      level: 'warning',
      code: 'agent-silent',
      subject: 'agent',
      message: 'the agent does not answer: pushes and fetches go on without it, more slowly',
      hint: '`walvault agent status` names its process; a killed agent does no harm.',
    },
  ];
}
