/** Which failures let `archive.queue-limit` give a segment up (docs/queue-limit.md). */
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
 * The store is away, full, or refuses: something that happens to a set-up that worked. A conflict, a wrong file, a key
 * or a setting does not, and would go on destroying the archive until somebody looked.
 */
export function isOutage({ expectedId }: Pick<Repository, 'expectedId'>, reason: unknown): boolean {
  const error = reason instanceof RepositoryFailure ? reason.failure : reason;
  if (error instanceof HeldUp) return false;
  if (error instanceof StoreError) return outages.has(error.kind);
  // Without a pinned id an empty place may be a wrong URL as well as a disk that is not mounted.
  if (error instanceof MarkerMissing) return expectedId !== undefined;
  return error instanceof WalvaultError && error.code === 'unreachable';
}

/**
 * A failure that says nothing about the repository: this host was held up, or was slow itself, and left it too little
 * of the push's time.
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
