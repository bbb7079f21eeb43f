/**
 * The repositories that one set of parts is written to.
 *
 * The set must reach the required or named ones. Any other repository that fails is left out, and its pieces are
 * removed.
 */
import { randomBytes } from 'node:crypto';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { digestStream, type Digest, type DigestStream } from '../../pipeline/digest.ts';
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
 * Chooses all repositories, or the named ones.
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

interface Piece {
  readonly key: string;
  readonly body: ByteStream;
  /** What the body went through. */
  readonly stored: DigestStream;
  readonly signal: AbortSignal;
}

/** The error of `#putPiece` for a key that is taken: no other error of a write is a conflict that may be repeated. */
function isOccupied(error: unknown): boolean {
  return error instanceof WalvaultError && error.code === 'conflict' && error.retry;
}

/** Called for a repository that failed and was not required. */
export type OnLeftOut = (repository: Repository, error: unknown) => void;

/** Where the next object goes, as plain data for another thread. */
export interface DestinationTerms {
  readonly repositories: readonly { readonly name: string; readonly mustSucceed: boolean }[];
  /** Whether an object is replaced that is there already. */
  readonly replaces: boolean;
}

export interface WriteOptions {
  /** `pieces`: each piece of the plain stream becomes a zstd frame, which costs less than one frame of the whole. */
  readonly frames?: 'pieces' | undefined;
  readonly signal: AbortSignal;
}

export class Destinations {
  #present: Destination[];
  readonly #dropped: Repository[] = [];
  readonly #onLeftOut: OnLeftOut;
  /** True once somebody else was seen to have written below the id of the set. */
  #replaces: boolean;

  constructor(destinations: readonly Destination[], onLeftOut: OnLeftOut, replaces = false) {
    this.#present = [...destinations];
    this.#onLeftOut = onLeftOut;
    this.#replaces = replaces;
  }

  /** The destinations that another thread, which has opened the repositories itself, is to write to. */
  static on(
    { repositories: wanted, replaces }: DestinationTerms,
    repositories: readonly Repository[],
    onLeftOut: OnLeftOut,
  ): Destinations {
    const present = wanted.map(({ name, mustSucceed }) => {
      const repository = repositories.find(one => one.name === name);
      if (repository === undefined) throw new WalvaultError('internal', `repository "${name}" is not open`);
      return { repository, mustSucceed };
    });
    return new Destinations(present, onLeftOut, replaces);
  }

  terms(): DestinationTerms {
    const repositories = this.#present.map(({ repository: { name }, mustSucceed }) => ({
      name,
      mustSucceed,
    }));
    return { repositories, replaces: this.#replaces };
  }

  /** Takes note of how a write in another thread failed. */
  noteFailure(error: unknown): void {
    if (isOccupied(error)) this.#replaces = true;
  }

  /** Leaves out a repository that a write in another thread has left out. */
  leaveOut(name: string, error: unknown): void {
    const destination = this.#present.find(({ repository }) => repository.name === name);
    if (destination === undefined) return;
    this.#drop(destination, error);
    if (this.#present.length === 0) throw error;
  }

  /** The repositories that have not failed. */
  get repositories(): readonly Repository[] {
    return this.#present.map(({ repository }) => repository);
  }

  /** The repositories that failed and were left out; they may hold pieces. */
  get dropped(): readonly Repository[] {
    return this.#dropped;
  }

  /** All repositories of the set, failed ones included. */
  get touched(): readonly Repository[] {
    return [...this.repositories, ...this.#dropped];
  }

  /** The codec for all repositories: keys and settings belong to the host, not to a repository. */
  get codec(): Codec {
    const [first] = this.#present;
    if (first === undefined) throw new WalvaultError('config', 'there is no repository to write to');
    return first.repository.codec;
  }

  /** Does the same work in each repository at the same time. @throws the error of a repository that must succeed */
  async inEach(work: (repository: Repository) => Promise<void>): Promise<void> {
    await this.#settle(await Promise.allSettled(this.#present.map(({ repository }) => work(repository))));
  }

  /**
   * Encodes a plain stream once and writes it to each repository. On return the object is durable in all repositories
   * that have not failed.
   * @throws the error of the source, or of a destination that must succeed
   */
  async write(key: string, plain: ByteStream, { frames, signal }: WriteOptions): Promise<Digest> {
    const run = await this.codec.encode(key, 'backup');
    const stored = digestStream();
    const encoded = frames === 'pieces' ? run.applyInFrames(plain) : run.apply(plain);
    const tee = teeInLockStep(stored.transform(encoded), this.#present.length);
    const puts = this.#present.map(async ({ repository, mustSucceed }, index) => {
      const branch = tee.branches[index] as TeeBranch;
      try {
        await this.#putPiece(repository, { key, body: branch.stream, stored, signal });
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

  /**
   * Stores a piece. The claim shows the id of the set to everybody, so somebody may have planted an object under the key,
   * which only this host writes: the next attempt replaces it, and all later ones do. The write id tells our own object, after a lost response.
   */
  async #putPiece(repository: Repository, { key, body, stored, signal }: Piece): Promise<void> {
    const { store } = repository;
    const writeId = randomBytes(12).toString('hex');
    try {
      await store.put(key, body, {
        ifAbsent: !this.#replaces,
        // A restore reads the manifest first, so it is stored with the catalogue's class.
        objectClass: isPartKey(key) ? 'backup' : 'catalog',
        metadata: { writeid: writeId },
        digestAtEnd: () => stored.result().sha256,
        signal,
      });
    } catch (error) {
      if (!isStoreError(error, 'exists')) throw error;
      const existing = await store.head(key, { signal });
      if (existing?.metadata['writeid'] === writeId) return;
      this.#replaces = true;
      throw new WalvaultError('conflict', `${store.url}: ${key} is there already, and is replaced`, {
        cause: error,
        retry: true,
      });
    }
  }
}
