/** The claim of a backup id in a repository, written before the first part. */
import { hostname } from 'node:os';
import { WalvaultError } from '../../base/errors/errors.ts';
import { writeClaim, type Claim } from '../../repository/format/claim.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';

/**
 * Writes the claim: which host makes the backup, and since when, so that cleanup can tell a backup in progress from
 * an abandoned one. An incremental backup also names its parent, which must then be kept.
 * @throws WalvaultError `conflict` when the id is taken
 */
export async function claimBackup(
  repository: Repository,
  system: SystemPath,
  claim: Pick<Claim, 'id' | 'attempt' | 'startTime' | 'parent'>,
  signal: AbortSignal,
): Promise<void> {
  if (await writeClaim(repository, system, { ...claim, ...thisRun() }, signal)) return;
  throw new WalvaultError(
    'conflict',
    `${repository.store.url}: ${claim.attempt === 1 ? '' : `attempt ${claim.attempt} of `}backup ${claim.id} exists already`,
    {
      hint:
        claim.attempt === 1
          ? 'Another backup was started in the same second; take this one again.'
          : 'Another run goes on with this backup at this moment. Wait for its end, or use --no-resume.',
    },
  );
}

/** Who takes the backup, as claims tell it. */
export function thisRun(): Pick<Claim, 'host' | 'pid'> {
  return { host: hostname(), pid: process.pid };
}
