/** The judgement on gathered facts: what is recoverable, what is at risk, and what to do. Pure. */
import type { RepositoryFacts, StatusFacts, SystemFacts } from './facts.ts';
import { isKnown, knownOf } from './facts.ts';
import { walPaceOf } from './growth.ts';
import { judgeRepository } from './judge-repository.ts';
import { judgeAgent, judgeServer } from './judge-server.ts';
import { judgeWalDirectory } from './judge-wal-directory.ts';
import { byUrgency, worst, type Finding } from './level.ts';
import type { RepositoryStatus, Status } from './result.ts';

export function judge(facts: StatusFacts, now: Date): Status {
  const findings: Finding[] = [];
  const repositories: RepositoryStatus[] = [];
  for (const repository of facts.repositories) {
    const system = chooseSystem(repository, facts);
    const judged = judgeRepository({ facts, repository, system, now });
    repositories.push(judged.status);
    findings.push(...judged.findings);
  }
  const server = judgeServer(facts, repositories, now);
  findings.push(...server.findings);
  const walDirectory = judgeWalDirectory({
    facts,
    bytesPerDay: paceOf(facts, now),
    isFailing: server.status?.isFailing === true,
    now,
  });
  findings.push(...walDirectory.findings, ...judgeAgent(facts.agent));
  return {
    cluster: facts.cluster,
    at: now,
    level: worst(findings.map(({ level }) => level)),
    findings: byUrgency(findings),
    limits: { maxLagMs: facts.maxLagMs, backupIntervalMs: facts.backupIntervalMs },
    repositories,
    server: server.status,
    walDirectory: walDirectory.status,
    agent: facts.agent,
  };
}

/** The server's system; without a server the one whose WAL arrived last. */
function chooseSystem(repository: RepositoryFacts, facts: StatusFacts): SystemFacts | undefined {
  const systems = knownOf(repository.systems) ?? [];
  const wanted = knownOf(facts.server)?.systemId ?? knownOf(facts.host)?.control.systemId;
  if (wanted !== undefined) return systems.find(({ systemId }) => systemId === wanted);
  return systems.toSorted((a, b) => arrivedLast(b) - arrivedLast(a))[0];
}

function arrivedLast({ archive }: SystemFacts): number {
  return Math.max(0, ...(archive?.survey.runs ?? []).map(({ lastModified }) => lastModified.getTime()));
}

/** By the repository that has most of it. */
function paceOf(facts: StatusFacts, now: Date): number | undefined {
  const paces = facts.repositories.flatMap(repository => {
    const system = isKnown(repository.systems) ? chooseSystem(repository, facts) : undefined;
    return (system && walPaceOf(system, now)) ?? [];
  });
  return paces.length === 0 ? undefined : Math.max(...paces);
}
