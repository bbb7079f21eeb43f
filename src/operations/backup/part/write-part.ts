/** Writes one part: reads its members, and stores the part in each repository. */
import { setImmediate } from 'node:timers/promises';
import { toPlainError } from '../../../base/errors/plain-error.ts';
import { Destinations } from '../../../repository/sets/destinations.ts';
import type { Repository } from '../../../repository/repository.ts';
import { RateLimiter } from '../../../stores/decorators/rate-limiter.ts';
import { streamPart, type PartContent } from './part-stream.ts';
import type { LeftOut, PartRun, PartTask, PartWriter, WrittenPart } from './part-task.ts';
import { openLocalFiles } from './read-file.ts';
import { TarBuffer } from './tar-buffer.ts';

/** Writes parts in this thread. */
export class LocalPartWriter implements PartWriter {
  readonly jobs = 1;
  readonly #repositories: readonly Repository[];
  /** Buffers that no part uses at the moment: each reserves much address space. */
  readonly #idle: TarBuffer[] = [];

  constructor(repositories: readonly Repository[]) {
    this.#repositories = repositories;
  }

  async write(task: PartTask, run: PartRun): Promise<WrittenPart> {
    const buffer = this.#idle.pop() ?? new TarBuffer();
    try {
      return await writePart(task, { ...run, buffer, repositories: this.#repositories });
    } finally {
      buffer.clear();
      this.#idle.push(buffer);
    }
  }
}

interface OwnPartRun extends PartRun {
  readonly buffer: TarBuffer;
  readonly repositories: readonly Repository[];
}

async function writePart(task: PartTask, run: OwnPartRun): Promise<WrittenPart> {
  const { signal, log, buffer } = run;
  const leftOut: LeftOut[] = [];
  const destinations = Destinations.on(task.destinations, run.repositories, ({ name }, error) =>
    leftOut.push({ name, failure: toPlainError(error) }),
  );
  const content: PartContent = { copied: [], suspects: [] };
  const limit = task.bytesPerSecond === undefined ? undefined : new RateLimiter(task.bytesPerSecond);
  const plain = streamPart(
    task.members,
    {
      ...task,
      open: openLocalFiles(task.owner),
      buffer,
      mayRead: sizeBytes => limit?.take(sizeBytes, signal),
      log,
      signal,
    },
    content,
  );
  let plainSizeBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of plain) {
      plainSizeBytes += piece.length;
      run.onBytes(plainSizeBytes);
      // All else may be synchronous here, and the thread must hear that it is to stop.
      await setImmediate();
      yield piece;
    }
  }
  const stored = await destinations.write(task.key, counted(), { frames: 'pieces', signal });
  return { stored, plainSizeBytes, ...content, leftOut };
}
