/**
 * Recent proofs that a repository is the right one. Each push reads the marker and the cluster's record, two requests
 * beside the upload itself. A thread that pushes file after file reads them once a second.
 */
import { monotonicMs } from '../../base/time/clock.ts';
import type { ControlFile } from '../../postgres/cluster/control-file.ts';
import type { Repository } from '../../repository/repository.ts';

/** About as long as a single push may take between these reads and its upload. */
const holdsForMs = 1000;

export class RepositoryProofs {
  readonly #provenAt = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = monotonicMs) {
    this.#now = now;
  }

  /** Remembers that the repository is the configured one and has the record of this cluster. */
  add(repository: Repository, control: ControlFile): void {
    // A directory may be unmounted between two files, and reading it again costs nothing.
    if (repository.store.makeDurable !== undefined) return;
    this.#provenAt.set(keyOf(repository, control), this.#now());
  }

  holdFor(repository: Repository, control: ControlFile): boolean {
    const provenAt = this.#provenAt.get(keyOf(repository, control));
    return provenAt !== undefined && this.#now() - provenAt < holdsForMs;
  }

  /** Forgets all proofs: after a failure they must be made again. */
  clear(): void {
    this.#provenAt.clear();
  }
}

function keyOf({ name }: Repository, { systemId, geometry }: ControlFile): string {
  return `${systemId} ${geometry.segmentSizeBytes} ${name}`;
}
