/**
 * The lines of a manifest in a temporary file, those of each part findable by themselves: the manifest is in the order of
 * its paths, and a part may hold paths from anywhere in it. Memory is bounded, however many lines and parts there are.
 */
import { randomBytes } from 'node:crypto';
import { readSync } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { readLines } from '../../base/bytes/lines.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { writeAll } from '../../base/files/durable.ts';
import {
  decodeManifestLine,
  encodeManifestLine,
  manifestName,
  type ManifestEntry,
} from '../format/manifest.ts';

/** Plain data, which another thread of this process can use as long as the spool is open. */
export interface SpooledEntries {
  /** The number of the open file. */
  readonly fd: number;
  /** Where the lines are, in their order. */
  readonly ranges: readonly ByteRange[];
}

interface ByteRange {
  readonly start: number;
  /** The position after the last byte. */
  readonly end: number;
}

interface Group {
  /** Lines that are not in the file yet. */
  waiting: string;
  readonly ranges: ByteRange[];
}

/** Characters that wait in memory at most. */
const heldCharacters = 2 * 1024 ** 2;
const readChunkBytes = 256 * 1024;

export class EntrySpool implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #groups = new Map<number, Group>();
  #heldCharacters = 0;
  #end = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** A file that has no name any more: nothing of it is left, however this process ends. */
  static async open(directory: string): Promise<EntrySpool> {
    const path = join(directory, `.walvault-manifest.${randomBytes(6).toString('hex')}.tmp`);
    const handle = await open(path, 'wx+', 0o600);
    await unlink(path);
    return new EntrySpool(handle);
  }

  /** Adds an entry to a group: any whole number. */
  async add(group: number, entry: ManifestEntry): Promise<void> {
    const line = encodeManifestLine(entry);
    const found = this.#groups.get(group) ?? { waiting: '', ranges: [] };
    this.#groups.set(group, found);
    found.waiting += line;
    this.#heldCharacters += line.length;
    if (this.#heldCharacters >= heldCharacters) await this.flush();
  }

  /** Writes what waits. Only then are all entries in what `entriesOf` gives. */
  async flush(): Promise<void> {
    const texts: Buffer[] = [];
    for (const group of this.#groups.values()) {
      if (group.waiting === '') continue;
      const text = Buffer.from(group.waiting);
      group.waiting = '';
      texts.push(text);
      append(group.ranges, { start: this.#end, end: this.#end + text.length });
      this.#end += text.length;
    }
    this.#heldCharacters = 0;
    await writeAll(this.#handle, Buffer.concat(texts));
  }

  entriesOf(group: number): SpooledEntries {
    return { fd: this.#handle.fd, ranges: this.#groups.get(group)?.ranges ?? [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** The entries of a group in the order in which they came, in any thread of the process. */
export async function* readSpooled({ fd, ranges }: SpooledEntries): AsyncGenerator<ManifestEntry> {
  for await (const line of readLines(chunksOf(fd, ranges), manifestName)) yield decodeManifestLine(line);
}

/** Read synchronously: what was just written is in the kernel's memory. */
async function* chunksOf(fd: number, ranges: readonly ByteRange[]): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(readChunkBytes);
  for (const { start, end } of ranges)
    for (let position = start; position < end;) {
      const bytesRead = readSync(fd, buffer, 0, Math.min(buffer.length, end - position), position);
      if (bytesRead === 0)
        throw new WalvaultError('local-io', 'the temporary copy of the manifest ended early');
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
}

function append(ranges: ByteRange[], { start, end }: ByteRange): void {
  const last = ranges.at(-1);
  if (last?.end === start) ranges[ranges.length - 1] = { start: last.start, end };
  else ranges.push({ start, end });
}
