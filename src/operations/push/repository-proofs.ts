/**
 * What was found out about repositories a moment ago: each push reads the marker and the cluster's record, two requests
 * beside the one that matters. Where files go out one after the other they are read once a second.
 */
import { monotonicMs } from '../../base/time/clock.ts';
import type { ControlFile } from '../../postgres/cluster/control-file.ts';
import type { Repository } from '../../repository/repository.ts';

/** About as long as one push may lie between the two by itself. */
const holdsForMs = 1000;

export class RepositoryProofs {
  readonly #provenAt = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = monotonicMs) {
    this.#now = now;
  }

  /** The repository is the configured one, and has the record of this very cluster. */
  add(repository: Repository, control: ControlFile): void {
    // A directory may be unmounted between two files, and looking costs nothing there.
    if (repository.store.makeDurable !== undefined) return;
    this.#provenAt.set(keyOf(repository, control), this.#now());
  }

  holdFor(repository: Repository, control: ControlFile): boolean {
    const provenAt = this.#provenAt.get(keyOf(repository, control));
    return provenAt !== undefined && this.#now() - provenAt < holdsForMs;
  }

  /** After a failure all is to be found out anew. */
  clear(): void {
    this.#provenAt.clear();
  }
}

function keyOf({ name }: Repository, { systemId, geometry }: ControlFile): string {
  return `${systemId} ${geometry.segmentSizeBytes} ${name}`;
}
