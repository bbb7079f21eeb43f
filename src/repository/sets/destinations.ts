/**
 * The repositories that one set of parts goes to. It must reach those that are required, or that were named; another that
 * fails is left out, and what it already has is removed.
 */
import { randomBytes } from 'node:crypto';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { digestStream, type Digest } from '../../pipeline/digest.ts';
import { isStoreError } from '../../stores/store.ts';
import type { Codec } from '../encoding/codec.ts';
import { isPartKey } from '../format/layout.ts';
import type { Repository } from '../repository.ts';
import { teeInLockStep, type TeeBranch } from './lock-step-tee.ts';

export interface Destination {
  readonly repository: Repository;
  readonly mustSucceed: boolean;
}

/**
 * All repositories, or those named.
 * @throws WalvaultError `usage` for a name that is not configured
 */
export function chooseDestinations(
  repositories: readonly Repository[],
  named: readonly string[] | undefined,
  onLeftOut: OnLeftOut,
): Destinations {
  const unknown = named?.find(name => !repositories.some(repository => repository.name === name));
  if (unknown !== undefined) {
    throw new WalvaultError('usage', `there is no repository "${unknown}"`, {
      hint: `The configuration has ${repositories.map(({ name }) => `"${name}"`).join(', ')}.`,
    });
  }
  const chosen = repositories.filter(({ name }) => named?.includes(name) ?? true);
  return new Destinations(
    chosen.map(repository => ({ repository, mustSucceed: repository.required || named !== undefined })),
    onLeftOut,
  );
}

/** Is told of a repository that failed and need not be reached. */
export type OnLeftOut = (repository: Repository, error: unknown) => void;

export class Destinations {
  #present: Destination[];
  readonly #dropped: Repository[] = [];
  readonly #onLeftOut: OnLeftOut;

  constructor(destinations: readonly Destination[], onLeftOut: OnLeftOut) {
    this.#present = [...destinations];
    this.#onLeftOut = onLeftOut;
  }

  /** Those that are still in. */
  get repositories(): readonly Repository[] {
    return this.#present.map(({ repository }) => repository);
  }

  /** Those that were left out on the way and may hold pieces. */
  get dropped(): readonly Repository[] {
    return this.#dropped;
  }

  /** All that were ever in. */
  get touched(): readonly Repository[] {
    return [...this.repositories, ...this.#dropped];
  }

  /** One encoding serves them all: keys and settings belong to the host, not to a repository. */
  get codec(): Codec {
    const [first] = this.#present;
    if (first === undefined) throw new WalvaultError('config', 'there is no repository to write to');
    return first.repository.codec;
  }

  /** Does the same in each, side by side. @throws the error of one that must succeed */
  async inEach(work: (repository: Repository) => Promise<void>): Promise<void> {
    await this.#settle(await Promise.allSettled(this.#present.map(({ repository }) => work(repository))));
  }

  /**
   * Encodes a plain stream once and writes it to each. On return it is durable in all that are still in.
   * @throws the error of the source, or of a destination that must succeed
   */
  async write(key: string, plain: ByteStream, signal: AbortSignal): Promise<Digest> {
    const run = await this.codec.encode(key, 'backup');
    const stored = digestStream();
    const tee = teeInLockStep(stored.transform(run.apply(plain)), this.#present.length);
    const puts = this.#present.map(async ({ repository, mustSucceed }, index) => {
      const branch = tee.branches[index] as TeeBranch;
      try {
        await putPiece(repository, { key, body: branch.stream, signal });
      } catch (error) {
        if (mustSucceed) await tee.fail(error);
        throw error;
      } finally {
        branch.leave();
      }
    });
    await this.#settle(await Promise.allSettled(puts), () => tee.failure());
    return stored.result();
  }

  async #settle(results: readonly PromiseSettledResult<void>[], failure?: () => unknown): Promise<void> {
    const cause = failure?.();
    if (cause !== undefined) throw cause;
    const failed = this.#present.flatMap((destination, index) => {
      const result = results[index];
      return result?.status === 'rejected' ? [{ destination, error: result.reason as unknown }] : [];
    });
    for (const { destination, error } of failed) if (destination.mustSucceed) throw error;
    for (const { destination, error } of failed) this.#drop(destination, error);
    if (this.#present.length === 0) throw failed[0]?.error;
  }

  #drop(destination: Destination, error: unknown): void {
    const { repository } = destination;
    this.#present = this.#present.filter(one => one !== destination);
    this.#dropped.push(repository);
    this.#onLeftOut(repository, error);
  }
}

/** A lost answer to our own write comes back as "exists"; the write id tells it from somebody else's. */
async function putPiece(
  { store }: Repository,
  piece: { readonly key: string; readonly body: ByteStream; readonly signal: AbortSignal },
): Promise<void> {
  const { key, body, signal } = piece;
  const writeId = randomBytes(12).toString('hex');
  try {
    await store.put(key, body, {
      ifAbsent: true,
      // The manifest is read before anything else: it stays where the catalogue is.
      objectClass: isPartKey(key) ? 'backup' : 'catalog',
      metadata: { writeid: writeId },
      signal,
    });
  } catch (error) {
    if (!isStoreError(error, 'exists')) throw error;
    const existing = await store.head(key, { signal });
    if (existing?.metadata['writeid'] !== writeId) throw error;
  }
}
