/** What is asked about one repository. */
import type { RepositoryFacts, StatusFacts, SystemFacts } from './facts.ts';

export interface RepositoryQuestion {
  readonly facts: StatusFacts;
  readonly repository: RepositoryFacts;
  /** The system that this is about; undefined: nothing of it is archived here. */
  readonly system: SystemFacts | undefined;
  readonly now: Date;
}

/** The name of a repository in findings. */
export function subjectOf({ name }: Pick<RepositoryFacts, 'name'>): string {
  return `repository "${name}"`;
}
