/** The buffers and proofs that a thread keeps from one push to the next. */
import { BufferPool } from '../../base/bytes/buffer-pool.ts';
import { Turns } from '../../base/threads/turns.ts';
import type { PlainFile, WalObject } from '../../repository/wal/write-object.ts';
import { RepositoryProofs } from './repository-proofs.ts';

export class PushMemory {
  readonly plain = new BufferPool();
  readonly stored = new BufferPool();
  readonly proofs = new RepositoryProofs();
  /** Only one plain file at a time is in memory; several encoded files may be. */
  readonly turns = new Turns();

  /** Gives back the plain file after encoding, unless it is stored unencoded. */
  giveBackPlain({ content }: PlainFile, { body }: WalObject): void {
    if (typeof content !== 'function' && content !== body) this.plain.give(content);
  }

  /** Gives back the encoded file. Only when every repository has it: a cancelled request may still read the buffer. */
  giveBackStored({ body }: WalObject): void {
    if (typeof body !== 'function') this.stored.give(body);
  }
}
