import { monotonicMs } from '../../base/time/clock.ts';
import type { Repository } from '../../repository/repository.ts';

/** For so long one that gave no answer comes last. */
const rememberedForMs = 5 * 60_000;

/** Who let a time limit pass without an answer, so that the others are asked first the next time. */
export class Laggards {
  readonly #until = new Map<string, number>();

  add({ name }: Pick<Repository, 'name'>): void {
    this.#until.set(name, monotonicMs() + rememberedForMs);
  }

  /** Otherwise in the order given. */
  putLast<R extends Pick<Repository, 'name'>>(repositories: readonly R[]): R[] {
    const now = monotonicMs();
    const isLate = ({ name }: R) => (this.#until.get(name) ?? 0) > now;
    return repositories.toSorted((a, b) => Number(isLate(a)) - Number(isLate(b)));
  }
}
