/** The part that all checks of archived systems have in common. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Repository } from '../../repository/repository.ts';
import { surveySystems, type SystemSurvey } from '../../repository/survey.ts';
import { linkOf } from './check-store.ts';
import type { Checklist, Finding } from './checklist.ts';

export interface SystemsCheck {
  readonly cluster: string;
  /** What is checked: it names an error. */
  readonly what: string;
  readonly signal: AbortSignal;
}

/** Adds the findings about each system of the cluster in one repository, from new surveys. */
export async function proveSystems(
  list: Checklist,
  repository: Repository,
  { cluster, what, signal }: SystemsCheck,
  findingsOf: (survey: SystemSurvey, geometry: WalGeometry) => Promise<readonly Finding[]>,
): Promise<void> {
  await list.prove(linkOf(repository), what, {
    signal,
    work: async () => {
      const findings: Finding[] = [];
      for (const survey of await surveySystems(repository, cluster, signal)) {
        const geometry = await survey.geometry();
        // Without a segment size nothing of the system is archived yet.
        if (geometry !== undefined) findings.push(...(await findingsOf(survey, geometry)));
      }
      return findings;
    },
  });
}
