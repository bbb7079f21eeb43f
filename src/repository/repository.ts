/** An opened repository: a store, the name people gave it, and how its objects are made and read. */
import { WalvaultError } from '../base/errors/errors.ts';
import type { Store } from '../stores/store.ts';
import type { Codec } from './encoding/codec.ts';

export interface Repository {
  readonly name: string;
  /** A push succeeds only when every required repository has the file; the others are best effort. */
  readonly required: boolean;
  /** The id that `walvault.json` must have; undefined when the configuration does not pin an id. */
  readonly expectedId: string | undefined;
  readonly store: Store;
  readonly codec: Codec;
}

/** A failure in one of several repositories. It names the repository, because the store's own error does not. */
export class RepositoryFailure extends WalvaultError {
  readonly failure: WalvaultError;

  constructor({ name }: Pick<Repository, 'name'>, failure: WalvaultError) {
    const { code, message, hint, retry } = failure;
    super(code, `repository "${name}": ${message}`, { hint, retry, cause: failure });
    this.failure = failure;
  }
}
