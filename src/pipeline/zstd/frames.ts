/**
 * A walk over the frames of a zstd stream (RFC 8878 §3.1) without decoding them. The decoder of node:zlib silently takes
 * trailing garbage for the end of the data; this walk notices it. It also refuses a window that would need too much
 * memory, before the decoder has seen the frame. The decoder of Node 24 takes a second frame in one chunk for trailing
 * garbage, too, so the walk cuts chunks at the ends of frames.
 */
import { countBounds, pieceBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';

const frameMagic = 0xfd2fb528;
/** The common digits of 0x184D2A50 … 0x184D2A5F, which start a skippable frame. */
const skippableMagic = 0x184d2a5;

const { limit: mostFrames } = countBounds.frames;
export const maxWindowLogDefault = Math.log2(pieceBounds.zstdWindow.limitBytes);

type Part = 'frame' | 'skippable-size' | 'descriptor' | 'frame-header' | 'block' | 'checksum';

export class ZstdFrameWalk {
  readonly #maxWindowBytes: number;
  /** The bytes of the current header, at most 14. */
  readonly #header = Buffer.alloc(16);
  #gathered = 0;
  #wanted = 4;
  #skip = 0;
  #frames = 0;
  /** Frames of both kinds. */
  #begun = 0;
  #hasChecksum = false;
  #next: Part = 'frame';

  constructor(maxWindowLog: number) {
    this.#maxWindowBytes = 2 ** maxWindowLog;
  }

  /**
   * The chunk, cut where a frame ends: no piece has bytes of two frames.
   * @throws WalvaultError `damaged`
   */
  update(chunk: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let start = 0;
    let offset = 0;
    while (offset < chunk.length) {
      offset += this.#skip > 0 ? this.#pass(chunk.length - offset) : this.#gather(chunk.subarray(offset));
      if (!this.isBetweenFrames) continue;
      pieces.push(chunk.subarray(start, offset));
      start = offset;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
    return pieces;
  }

  /** @throws WalvaultError `damaged` if the stream ended inside a frame, or held none */
  end(): void {
    if (!this.isBetweenFrames) throw damaged('ends inside a frame');
    if (this.#frames === 0) throw damaged('holds no frame');
  }

  /** True before the first frame, and after a whole one. */
  get isBetweenFrames(): boolean {
    return this.#next === 'frame' && this.#gathered === 0 && this.#skip === 0;
  }

  #pass(availableBytes: number): number {
    const passed = Math.min(this.#skip, availableBytes);
    this.#skip -= passed;
    return passed;
  }

  #gather(available: Uint8Array): number {
    const taken = Math.min(this.#wanted - this.#gathered, available.length);
    this.#header.set(available.subarray(0, taken), this.#gathered);
    this.#gathered += taken;
    if (this.#gathered === this.#wanted) this.#step();
    return taken;
  }

  #step(): void {
    const header = this.#header;
    switch (this.#next) {
      case 'frame': {
        const magic = header.readUInt32LE(0);
        if (++this.#begun > mostFrames) throw damaged(`has more than ${mostFrames} frames`);
        if (magic >>> 4 === skippableMagic) return this.#expect('skippable-size', 4);
        if (magic !== frameMagic)
          throw damaged(this.#frames === 0 ? 'does not start with a frame' : 'has data after its last frame');
        this.#frames++;
        return this.#expect('descriptor', 1);
      }
      case 'skippable-size':
        this.#skip = header.readUInt32LE(0);
        return this.#expect('frame', 4);
      case 'descriptor':
        if ((byteAt(header, 0) & 0x08) !== 0) throw damaged('has a reserved bit set in a frame header');
        this.#hasChecksum = (byteAt(header, 0) & 0x04) !== 0;
        this.#wanted = 1 + sizeOfFrameHeaderRest(byteAt(header, 0));
        this.#next = 'frame-header';
        return;
      case 'frame-header': {
        const windowBytes = windowBytesOf(header.subarray(0, this.#wanted));
        if (windowBytes > this.#maxWindowBytes)
          throw damaged(`asks for a window of ${windowBytes} bytes, more than ${this.#maxWindowBytes}`);
        return this.#expect('block', 3);
      }
      case 'block': {
        const blockHeader = header.readUIntLE(0, 3);
        const isRunLength = ((blockHeader >> 1) & 3) === 1;
        this.#skip = isRunLength ? 1 : blockHeader >> 3;
        if ((blockHeader & 1) === 0) return this.#expect('block', 3);
        return this.#hasChecksum ? this.#expect('checksum', 4) : this.#expect('frame', 4);
      }
      case 'checksum':
        return this.#expect('frame', 4);
    }
  }

  #expect(next: Part, sizeBytes: number): void {
    this.#next = next;
    this.#wanted = sizeBytes;
    this.#gathered = 0;
  }
}

/** The header of a frame: magic number, descriptor, and at most 13 bytes more. */
export const longestHeaderBytes = 18;

export function isSkippable(frame: Buffer): boolean {
  return frame.readUInt32LE(0) >>> 4 === skippableMagic;
}

/** The plain bytes of a frame, by its beginning; undefined where it does not tell. A skippable frame has none. */
export function contentBytesOf(frame: Buffer): number | undefined {
  if (isSkippable(frame)) return 0;
  const descriptor = byteAt(frame, 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment && descriptor >> 6 === 0) return undefined;
  return contentSizeIn(frame.subarray(4, 5 + sizeOfFrameHeaderRest(descriptor)));
}

function sizeOfFrameHeaderRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
}

/** The size of the window. A single-segment frame has no window field: its window is its whole content. */
function windowBytesOf(header: Buffer): number {
  const descriptor = byteAt(header, 0);
  if ((descriptor & 0x20) === 0) {
    const window = byteAt(header, 1);
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  return contentSizeIn(header);
}

/** The content's size, the last field of a header from its descriptor on, which has one. */
function contentSizeIn(header: Buffer): number {
  switch (byteAt(header, 0) >> 6) {
    case 0:
      return byteAt(header, header.length - 1);
    case 1:
      return header.readUInt16LE(header.length - 2) + 256;
    case 2:
      return header.readUInt32LE(header.length - 4);
    default:
      return Number(header.readBigUInt64LE(header.length - 8));
  }
}

function byteAt(header: Buffer, index: number): number {
  return header.readUInt8(index);
}

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `zstd data ${what}`);
}
