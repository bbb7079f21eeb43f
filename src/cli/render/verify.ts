/** The result of `verify`, for people and as JSON. */
import { formatCount } from '../../base/units.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { isDamage, type Finding, type LostWindow, type Repair } from '../../operations/verify/finding.ts';
import type { VerifiedRepository } from '../../operations/verify/options.ts';
import { remedyWords } from '../../operations/verify/remedies.ts';

/** Nothing for repositories in which nothing was found. */
export function renderVerify(repositories: readonly VerifiedRepository[]): string {
  return repositories
    .flatMap(({ name, findings, systems }) => [
      ...findings.map(finding => renderFinding(`repository ${name}`, finding)),
      ...systems.flatMap(({ systemId, findings: found, data }) => {
        const where = systems.length === 1 ? `repository ${name}` : `repository ${name}, system ${systemId}`;
        const omitted = data?.omittedCount ?? 0;
        return [
          ...found.map(finding => renderFinding(where, finding)),
          ...(omitted === 0 ? [] : [`DAMAGED  ${where}: and ${formatCount(omitted, 'finding')} more\n`]),
        ];
      }),
    ])
    .join('');
}

function renderFinding(where: string, finding: Finding): string {
  const { kind, severity, subject, problem, loss, remedies, repair } = finding;
  const lines = [
    `${severity === 'damaged' ? 'DAMAGED' : 'warning'}  ${where}: ${subject}: ${problem} (${kind})`,
  ];
  const lost = [
    ...(loss.backups.length > 0 ? [`no restore of backup ${loss.backups.join(', ')}`] : []),
    ...loss.windows.map(describeWindow),
    ...(loss.otherwise === undefined ? [] : [loss.otherwise]),
  ];
  if (lost.length > 0) lines.push(`         LOST:    ${lost.join('; ')}`);
  if (repair !== undefined) lines.push(`         REPAIR:  ${describeRepair(repair)}`);
  if (repair?.outcome !== 'repaired')
    lines.push(...remedies.map(remedy => `         HINT:    ${remedyWords[remedy]}`));
  return `${lines.join('\n')}\n`;
}

/** A time is about right: it is when WAL reached the store, or when a backup ended. */
function describeWindow({ timeline, fromLsn, toLsn, fromTime, toTime }: LostWindow): string {
  const at = (lsn: string, time: Date | undefined) =>
    `${lsn}${time === undefined ? '' : ` (about ${time.toISOString()})`}`;
  const end = toLsn === undefined ? 'on' : `up to ${at(toLsn, toTime)}`;
  return `no recovery to timeline ${timeline} from ${at(fromLsn, fromTime)} ${end}`;
}

function describeRepair({ outcome, from, problem }: Repair): string {
  switch (outcome) {
    case 'repaired':
      return `brought back from repository "${from}"`;
    case 'partly':
      return `a part was brought back from repository "${from}"; the rest: ${problem}`;
    case 'failed':
      return `not possible${from === undefined ? '' : ` from repository "${from}"`}: ${problem}`;
    case 'locked':
      return `not possible yet: ${problem}`;
  }
}

/** The published shape (docs/reference/json.md). */
export function verifyJson(repositories: readonly VerifiedRepository[]) {
  return repositories.map(({ name, problem, findings, systems }) => ({
    name,
    state: stateOf({ problem, findings, systems }),
    problem: problem === undefined ? null : toPlainError(problem),
    findings: findings.map(findingJson),
    systems: systems.map(({ systemId, findings: found, data }) => ({
      systemId,
      findings: found.map(findingJson),
      data: data ?? null,
    })),
  }));
}

function stateOf({
  problem,
  findings,
  systems,
}: Omit<VerifiedRepository, 'name'>): 'healthy' | 'damaged' | 'unreachable' {
  const isDamaged = [...findings, ...systems.flatMap(one => one.findings)].some(isDamage);
  if (isDamaged) return 'damaged';
  return problem === undefined ? 'healthy' : 'unreachable';
}

function findingJson({ kind, severity, subject, problem, loss, remedies, repair }: Finding) {
  return {
    kind,
    severity,
    subject,
    problem,
    loss: {
      backups: loss.backups,
      windows: loss.windows.map(({ timeline, fromLsn, toLsn, fromTime, toTime }) => ({
        timeline,
        fromLsn,
        toLsn: toLsn ?? null,
        fromTime: fromTime ?? null,
        toTime: toTime ?? null,
      })),
      otherwise: loss.otherwise ?? null,
    },
    remedies,
    repair:
      repair === undefined ? null : { ...repair, from: repair.from ?? null, problem: repair.problem ?? null },
  };
}
