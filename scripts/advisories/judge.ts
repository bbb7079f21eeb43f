/** Makes a judgement of what the registry answered: which known vulnerabilities are in the executable. */
import type { AskedPackage } from './asked-packages.ts';

/** A vulnerability that is accepted for a while. */
export interface Acceptance {
  readonly package: string;
  /** `GHSA-…`, as at the end of its address. */
  readonly advisory: string;
  readonly reason: string;
  /** Last day, `YYYY-MM-DD`, UTC. */
  readonly until: string;
}

export interface JudgeOptions {
  readonly packages: readonly AskedPackage[];
  readonly accepted: readonly Acceptance[];
  readonly today: string;
}

export type Judgement =
  | { readonly kind: 'unanswered'; readonly reason: string }
  /** A line for each vulnerability that is not accepted, and one for what else should be known. */
  | { readonly kind: 'answered'; readonly findings: readonly string[]; readonly notes: readonly string[] };

/** Asked about as well: a registry that does not know of its vulnerability (since 2020) knows of none. */
export const knownVulnerable: AskedPackage = { name: 'minimist', version: '0.0.8' };

/** Where the question has the package. */
export function placeOf(index: number): string {
  return `node_modules/asked-${index}`;
}

/** Of a report of `npm audit --json`. */
interface Vulnerability {
  readonly name: string;
  /** Advisories; names stand for packages that are vulnerable by their dependencies, which have entries of their own. */
  readonly via: readonly (string | Advisory)[];
  /** Places. */
  readonly nodes: readonly string[];
}

interface Advisory {
  readonly title: string;
  readonly url: string;
  readonly severity: string;
}

/** @param answer what `npm audit --json` printed, for the packages at their places and `knownVulnerable` */
export function judge(answer: string, options: JudgeOptions): Judgement {
  const report = parse(answer);
  if (report?.auditReportVersion !== 2 || report.vulnerabilities === undefined)
    return {
      kind: 'unanswered',
      reason: report?.message ?? report?.error?.summary ?? 'npm printed no report',
    };
  const vulnerabilities = Object.values(report.vulnerabilities);
  if (!vulnerabilities.some(({ name }) => name === knownVulnerable.name))
    return {
      kind: 'unanswered',
      reason: `the registry has no advisories, not even of ${knownVulnerable.name} ${knownVulnerable.version}`,
    };
  const found = vulnerabilities.flatMap(vulnerability => findingsOf(vulnerability, options.packages));
  const isCovered = (finding: Finding) =>
    options.accepted.some(each => matches(each, finding) && each.until >= options.today);
  return {
    kind: 'answered',
    findings: found.filter(finding => !isCovered(finding)).map(finding => describe(finding, options)),
    notes: options.accepted
      .filter(each => !found.some(finding => matches(each, finding)))
      .map(describeUnused),
  };
}

interface Finding extends AskedPackage, Advisory {}

function findingsOf({ via, nodes }: Vulnerability, packages: readonly AskedPackage[]): Finding[] {
  const advisories = via.filter(each => typeof each !== 'string');
  const vulnerable = packages.filter((_, index) => nodes.includes(placeOf(index)));
  return vulnerable.flatMap(({ name, version }) =>
    advisories.map(({ title, url, severity }) => ({ name, version, title, url, severity })),
  );
}

function matches(acceptance: Acceptance, { name, url }: Finding): boolean {
  return acceptance.package === name && url.endsWith(`/${acceptance.advisory}`);
}

function describe(finding: Finding, { accepted }: JudgeOptions): string {
  const expired = accepted.find(each => matches(each, finding));
  const until = expired === undefined ? '' : ` (accepted until ${expired.until})`;
  return `${finding.name} ${finding.version}: ${finding.severity}: ${finding.title}, ${finding.url}${until}`;
}

function describeUnused({ package: name, advisory }: Acceptance): string {
  return `${advisory} of ${name} is accepted and no longer found: remove it from accepted.json`;
}

interface Report {
  readonly auditReportVersion?: number;
  readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>;
  readonly message?: string;
  readonly error?: { readonly summary?: string };
}

function parse(answer: string): Report | undefined {
  try {
    return JSON.parse(answer) as Report;
  } catch {
    return undefined;
  }
}
