/** The repositories that let a time limit pass, so that the next fetch asks them last. */
import { monotonicMs } from '../../base/time/clock.ts';
import type { Repository } from '../../repository/repository.ts';

/** A repository that timed out is asked last for this long. */
const rememberedForMs = 5 * 60_000;

/** Remembers which repositories timed out. */
export class Laggards {
  readonly #until = new Map<string, number>();

  add({ name }: Pick<Repository, 'name'>): void {
    this.#until.set(name, monotonicMs() + rememberedForMs);
  }

  /** Moves the repositories that timed out to the end; the order is otherwise kept. */
  putLast<R extends Pick<Repository, 'name'>>(repositories: readonly R[]): R[] {
    const now = monotonicMs();
    const isLate = ({ name }: R) => (this.#until.get(name) ?? 0) > now;
    return repositories.toSorted((a, b) => Number(isLate(a)) - Number(isLate(b)));
  }
}
