/** Writes one part: reads its members, and stores the part in each repository. */
import { toPlainError } from '../../../base/errors/plain-error.ts';
import type { HighwayKey } from '../../../base/checksum/highway-hash.ts';
import { pageDigestKey } from '../../../repository/encoding/page-digest-key.ts';
import { Destinations } from '../../../repository/sets/destinations.ts';
import type { Repository } from '../../../repository/repository.ts';
import { emptyContent } from './part-options.ts';
import type {
  LeftOut,
  PartRules,
  PartRun,
  PartTask,
  PartWriter,
  ProofTask,
  ProvenPart,
  WrittenPart,
} from './part-task.ts';
import { provePart } from './prove-part.ts';
import { streamTask, type BufferedRun } from './stream-task.ts';
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
    const digestKey = await this.#digestKey(task);
    return await this.#buffered(buffer =>
      writePart(task, { ...run, buffer, digestKey, repositories: this.#repositories }),
    );
  }

  async prove(task: ProofTask, run: PartRun): Promise<ProvenPart | undefined> {
    // Only what has changed since the parent is found by digests; bytes are proven by their own.
    const isOnParent = task.members.some(({ parentPages }) => parentPages !== undefined);
    const digestKey = isOnParent ? await this.#digestKey(task) : undefined;
    return await this.#buffered(buffer => provePart(task, { ...run, buffer, digestKey }));
  }

  async #digestKey({ digestsOf }: PartRules): Promise<HighwayKey | undefined> {
    const secret = digestsOf && (await this.#repositories[0]?.codec.keyring.hostSecret());
    return secret && digestsOf && pageDigestKey(secret, digestsOf);
  }

  async #buffered<T>(work: (buffer: TarBuffer) => Promise<T>): Promise<T> {
    const buffer = this.#idle.pop() ?? new TarBuffer();
    try {
      return await work(buffer);
    } finally {
      buffer.clear();
      this.#idle.push(buffer);
    }
  }
}

interface OwnPartRun extends BufferedRun {
  readonly repositories: readonly Repository[];
}

async function writePart(task: PartTask, run: OwnPartRun): Promise<WrittenPart> {
  const { signal } = run;
  const leftOut: LeftOut[] = [];
  const destinations = Destinations.on(task.destinations, run.repositories, ({ name }, error) =>
    leftOut.push({ name, failure: toPlainError(error) }),
  );
  const content = emptyContent();
  let plainSizeBytes = 0;
  const onBytes = (doneBytes: number) => {
    plainSizeBytes = doneBytes;
    run.onBytes(doneBytes);
  };
  const plain = streamTask(task, { ...run, onBytes }, content);
  const stored = await destinations.write(task.key, plain, { frames: 'pieces', signal });
  return { stored, plainSizeBytes, ...content, leftOut };
}
