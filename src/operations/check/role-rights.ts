/** The findings on the rights of the role that walvault connects as. Pure. */
import type { MissingRight, RoleRights } from '../../postgres/server/rights.ts';
import { failure, ok, warning, type Finding } from './checklist.ts';

export interface RightsInput extends RoleRights {
  /** True if the configuration names the data directory, which the server tells only some roles. */
  readonly isDirectoryConfigured: boolean;
}

export function judgeRights({ role, missing, isDirectoryConfigured }: RightsInput): Finding[] {
  const forBackup = grantsFor(missing, 'backup');
  const forSettings = grantsFor(missing, 'settings');
  const forSegment = grantsFor(missing, 'segment');
  const forNames = grantsFor(missing, 'names');
  if (missing.length === 0) return [ok(`role "${role}" may take backups and end segments`)];
  const findings: Finding[] = [];
  if (forBackup !== undefined) findings.push(failure(`role "${role}" cannot take a backup`, forBackup));
  if (forSettings !== undefined)
    findings.push(
      isDirectoryConfigured
        ? warning(
            `role "${role}" does not see where the server's configuration files are: backups leave out those outside the data directory`,
            forSettings,
          )
        : failure(
            `role "${role}" does not see where the data directory is, and data-directory is not set: no backup can be taken`,
            forSettings,
          ),
    );
  if (forSegment !== undefined)
    findings.push(failure(`role "${role}" may not end a segment to see it archived`, forSegment));
  if (forNames !== undefined)
    findings.push(
      warning(
        `role "${role}" may not connect to some databases: the name maps of backups lack their relations`,
        forNames,
      ),
    );
  return findings;
}

function grantsFor(missing: readonly MissingRight[], use: MissingRight['neededFor']): string | undefined {
  const grants = missing.filter(({ neededFor }) => neededFor === use).map(({ grant }) => grant);
  return grants.length === 0
    ? undefined
    : `As a superuser, in the database that walvault connects to: ${grants.join(' ')}`;
}
