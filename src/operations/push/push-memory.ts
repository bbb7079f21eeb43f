/** The buffers and proofs that a thread keeps from one push to the next. */
import { alignedBuffer, pagedBuffer } from '../../base/bytes/aligned-buffer.ts';
import { BufferPool } from '../../base/bytes/buffer-pool.ts';
import { Turns } from '../../base/threads/turns.ts';
import type { PlainFile, WalObject } from '../../repository/wal/write-object.ts';
import type { Repository } from '../../repository/repository.ts';
import { RepositoryProofs } from './repository-proofs.ts';

export interface PushMemoryOptions {
  /** Only one file at a time is under way. */
  readonly isForOneFile: boolean;
  readonly repositories: readonly Pick<Repository, 'store'>[];
}

export class PushMemory {
  readonly plain: BufferPool;
  readonly stored: BufferPool;
  readonly proofs = new RepositoryProofs();
  /** Only one plain file at a time is in memory; several encoded files may be. */
  readonly turns = new Turns();
  /** True: a file is encoded into the memory that it was read into, because no other is under way beside it. */
  readonly isForOneFile: boolean;

  constructor({ isForOneFile, repositories }: PushMemoryOptions) {
    this.isForOneFile = isForOneFile;
    const isForDirectories = repositories.every(({ store }) => store.makeDurable !== undefined);
    // A directory takes whole pages past the page cache.
    this.plain = new BufferPool(isForOneFile && isForDirectories ? pagedBuffer : alignedBuffer);
    this.stored = isForOneFile ? this.plain : new BufferPool();
  }

  /** Gives back the plain file after encoding, unless its memory holds what is stored. */
  giveBackPlain({ content }: PlainFile, { body }: WalObject): void {
    if (typeof content === 'function' || typeof body === 'function') return;
    if (content.buffer !== body.buffer) this.plain.give(content);
  }

  /** Gives back the encoded file. Only when every repository has it: a cancelled request may still read the buffer. */
  giveBackStored({ body }: WalObject): void {
    if (typeof body !== 'function') this.stored.give(body);
  }
}
