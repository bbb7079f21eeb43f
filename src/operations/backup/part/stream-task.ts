/** The plain tar of the members of one task, read at the task's rate and with signs of progress. */
import { setImmediate } from 'node:timers/promises';
import type { HighwayKey } from '../../../base/checksum/highway-hash.ts';
import { RateLimiter } from '../../../stores/decorators/rate-limiter.ts';
import type { PartMember } from './backup-entry.ts';
import type { PartContent } from './part-options.ts';
import { streamPart } from './part-stream.ts';
import type { PartRules, PartRun } from './part-task.ts';
import { openLocalFiles } from './read-file.ts';
import type { TarBuffer } from './tar-buffer.ts';

export interface BufferedRun extends PartRun {
  readonly buffer: TarBuffer;
  /** The key of page digests; undefined: none are made. */
  readonly digestKey: HighwayKey | undefined;
}

/** Yields pieces, each of which is valid until the next one is asked for. */
export async function* streamTask(
  task: PartRules & { readonly members: readonly PartMember[] },
  { buffer, digestKey, log, signal, onBytes }: BufferedRun,
  content: PartContent,
): AsyncGenerator<Uint8Array> {
  const limit = task.bytesPerSecond === undefined ? undefined : new RateLimiter(task.bytesPerSecond);
  const plain = streamPart(
    task.members,
    {
      ...task,
      open: openLocalFiles(task.owner),
      buffer,
      digestKey,
      mayRead: sizeBytes => limit?.take(sizeBytes, signal),
      log,
      signal,
    },
    content,
  );
  let doneBytes = 0;
  for await (const piece of plain) {
    doneBytes += piece.length;
    onBytes(doneBytes);
    // All else may be synchronous here, and the thread must hear that it is to stop.
    await setImmediate();
    yield piece;
  }
}
