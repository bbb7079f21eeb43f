/** The notes of a verification on what it has read, and on the run, in the repository itself. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import type { Log } from '../../observe/events/events.ts';
import { needsSignature } from '../../repository/encoding/signature-policy.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import { writeNote, type NewNote } from '../../repository/format/notes/note.ts';
import type { Repository } from '../../repository/repository.ts';

export class Memory {
  readonly #repository: Repository;
  readonly #system: SystemPath;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  #hasFailed = false;

  constructor(
    repository: Repository,
    { system, log, signal }: { readonly system: SystemPath; readonly log: Log; readonly signal: AbortSignal },
  ) {
    this.#repository = repository;
    this.#system = system;
    this.#log = log;
    this.#signal = signal;
  }

  /**
   * Without the right to write, or a signature that counts, the next run reads the same again; that is said once, unless
   * nothing was read.
   */
  async write(notes: readonly NewNote[], { isRead = true } = {}): Promise<void> {
    if (notes.length === 0 || this.#hasFailed) return;
    try {
      await this.#requireBelief();
      for (const note of notes) await writeNote(this.#repository, this.#system, note, this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!(error instanceof WalvaultError)) throw error;
      if (!isRead) return;
      this.#hasFailed = true;
      const { name } = this.#repository;
      this.#log.emit({ kind: 'verification-not-noted', repository: name, failure: toPlainError(error) });
    }
  }

  /** A note that no reader believes would be in vain. @throws WalvaultError `key` */
  async #requireBelief(): Promise<void> {
    const { codec } = this.#repository;
    if (!needsSignature(codec.removalPolicy) || (await codec.keyring.signer()) !== undefined) return;
    throw new WalvaultError('key', 'this host has no signing key (signing.key)');
  }
}
