/** The failures for which `archive.queue-limit` may give up a segment (docs/queue-limit.md). */
import { WalvaultError } from '../../base/errors/errors.ts';
import { MarkerMissing } from '../../repository/format/marker.ts';
import { RepositoryFailure, type Repository } from '../../repository/repository.ts';
import { StoreError, type StoreErrorKind } from '../../stores/store.ts';

const outages: ReadonlySet<StoreErrorKind> = new Set<StoreErrorKind>([
  'unreachable',
  'throttled',
  'denied',
  'no-container',
  'local-io',
]);

/**
 * Whether the store is unreachable, full, or refuses access: faults that befall a configuration that worked before. A
 * conflict, a wrong file, a wrong key or a wrong setting is no outage: giving up segments for it would damage the
 * archive until a person notices.
 */
export function isOutage({ expectedId }: Pick<Repository, 'expectedId'>, reason: unknown): boolean {
  const error = reason instanceof RepositoryFailure ? reason.failure : reason;
  if (error instanceof HeldUp) return false;
  if (error instanceof StoreError) return outages.has(error.kind);
  // Without a pinned id, an empty place may be a wrong URL or a disk that is not mounted.
  if (error instanceof MarkerMissing) return expectedId !== undefined;
  return error instanceof WalvaultError && error.code === 'unreachable';
}

/**
 * A failure that proves nothing about the repository: this host was held up, or was itself slow, and left the
 * repository too little of the push's time.
 */
export class HeldUp extends WalvaultError {
  constructor(failure: WalvaultError) {
    super(failure.code, failure.message, {
      hint: 'The segment is not given up for this: the host stopped walvault, or was slow itself, and the repository may be well.',
      retry: true,
      cause: failure,
    });
  }
}
