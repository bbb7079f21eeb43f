/** What a thread that pushes one file after the other keeps between them. */
import { BufferPool } from '../../base/bytes/buffer-pool.ts';
import { Turns } from '../../base/threads/turns.ts';
import type { PlainFile, WalObject } from '../../repository/wal/write-object.ts';
import { RepositoryProofs } from './repository-proofs.ts';

export class PushMemory {
  readonly plain = new BufferPool();
  readonly stored = new BufferPool();
  readonly proofs = new RepositoryProofs();
  /** Only one file at a time lies in memory as it is on disk; what it was encoded to may lie beside others'. */
  readonly turns = new Turns();

  /** Once it was encoded nobody reads it, unless it is stored as it is. */
  giveBackPlain({ content }: PlainFile, { body }: WalObject): void {
    if (typeof content !== 'function' && content !== body) this.plain.give(content);
  }

  /** Only when every repository has it: after a failure a request that was given up may still read from it. */
  giveBackStored({ body }: WalObject): void {
    if (typeof body !== 'function') this.stored.give(body);
  }
}
