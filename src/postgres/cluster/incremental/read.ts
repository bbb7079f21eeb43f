/** Reads an INCREMENTAL file as a stream: its header, then its blocks. */
import type { ByteStream } from '../../../base/bytes/streams.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import {
  fixedBytes,
  headerBytesIn,
  parseIncrementalHeader,
  type IncrementalHeader,
  type RelationLayout,
} from './header.ts';
import { neighbours } from './runs.ts';

/** The header comes first, and once. */
export type IncrementalPiece =
  | { readonly kind: 'header'; readonly header: IncrementalHeader }
  | {
      readonly kind: 'blocks';
      /** The number of the first block within the file; the others follow it there, too. */
      readonly firstBlock: number;
      /** Whole blocks; valid until the next piece is asked for. */
      readonly bytes: Uint8Array;
    };

/**
 * @param file the length that the file should have, and the layout of relations
 * @throws WalvaultError `damaged` for a header that is not one, before anything is given, or for a stream of another length
 */
export async function* readIncrementalFile(
  source: ByteStream,
  { sizeBytes, layout }: { readonly sizeBytes: number; readonly layout: RelationLayout },
): AsyncGenerator<IncrementalPiece> {
  const { blockSizeBytes } = layout;
  const start = new Gathered(fixedBytes);
  let head: Gathered | undefined;
  let blocks: Uint32Array | undefined;
  const cut = new Gathered(blockSizeBytes);
  let next = 0;

  const beginHeader = () => {
    head = new Gathered(headerBytesIn(start.bytes, sizeBytes, layout));
    head.take(start.bytes);
  };
  for await (const chunk of source) {
    let rest = chunk.subarray(start.take(chunk));
    if (!start.isFull) continue;
    if (head === undefined) beginHeader();
    if (head === undefined) continue;
    if (blocks === undefined) {
      rest = rest.subarray(head.take(rest));
      if (!head.isFull) continue;
      const header = parseIncrementalHeader(head.bytes, sizeBytes, layout);
      ({ blocks } = header);
      yield { kind: 'header', header };
    }
    while (rest.length > 0) {
      const firstBlock = blocks[next];
      if (firstBlock === undefined) throw damaged(`is longer than ${sizeBytes} bytes`);
      const whole = cut.isEmpty ? Math.floor(rest.length / blockSizeBytes) : 0;
      if (whole > 0) {
        const count = neighbours(blocks, next, whole);
        yield { kind: 'blocks', firstBlock, bytes: rest.subarray(0, count * blockSizeBytes) };
        rest = rest.subarray(count * blockSizeBytes);
        next += count;
        continue;
      }
      rest = rest.subarray(cut.take(rest));
      if (!cut.isFull) continue;
      yield { kind: 'blocks', firstBlock, bytes: cut.bytes };
      cut.clear();
      next++;
    }
  }
  if (blocks === undefined || next < blocks.length) throw damaged(`is shorter than ${sizeBytes} bytes`);
}

/** Bytes of a known number, from chunks that cut them anywhere. */
class Gathered {
  readonly bytes: Buffer;
  #filled = 0;

  constructor(sizeBytes: number) {
    this.bytes = Buffer.alloc(sizeBytes);
  }

  get isFull(): boolean {
    return this.#filled === this.bytes.length;
  }

  get isEmpty(): boolean {
    return this.#filled === 0;
  }

  /** @returns how many bytes of the chunk it has taken */
  take(chunk: Uint8Array): number {
    const taken = Math.min(chunk.length, this.bytes.length - this.#filled);
    this.bytes.set(chunk.subarray(0, taken), this.#filled);
    this.#filled += taken;
    return taken;
  }

  clear(): void {
    this.#filled = 0;
  }
}

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `an incremental file ${what}`);
}
