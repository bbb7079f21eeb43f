/** The inner loop of `crc-folder.ts` as a WebAssembly module ("WebAssembly Core Specification", Binary Format). */

export const foldMemoryBytes = 4 * 64 * 1024;

/** Adds blocks of the window to each block in `[at, end)`; the window moves in step with `at`. */
export type Fold = (at: number, window: number, end: number) => void;

/** The part of WebAssembly that is used; Node's types do not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly fold: Fold };
  };
};

export function makeFold(distancesBytes: readonly number[]): {
  readonly memory: Uint8Array;
  readonly fold: Fold;
} {
  const module = new WebAssembly.Module(encodeModule(distancesBytes));
  const { memory, fold } = new WebAssembly.Instance(module).exports;
  return { memory: new Uint8Array(memory.buffer), fold };
}

/**
 * The module's bytes; it exports `memory` and `fold`. The distances are in bytes, ascending:
 *
 *     for (; at < end; at += 16, window += 16)
 *       memory[at] ^= memory[window + longest - distances[0]] ^ memory[window + longest - distances[1]] ^ …
 */
function encodeModule(distancesBytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const longest = Math.max(...distancesBytes);
  const [at, window, end] = [0, 1, 2];
  const added = distancesBytes.flatMap(distance => [
    ...[op.localGet, window],
    ...[...op.v128Load, align16, ...unsigned(longest - distance)],
    ...op.v128Xor,
  ]);
  const body = [
    ...[0],
    ...[op.loop, noResult],
    ...[op.localGet, at, op.localGet, at, ...op.v128Load, align16, 0, ...added, ...op.v128Store, align16, 0],
    ...[op.localGet, window, op.i32Const, 16, op.i32Add, op.localSet, window],
    ...[op.localGet, at, op.i32Const, 16, op.i32Add, op.localTee, at],
    ...[op.localGet, end, op.i32LtU, op.brIf, 0],
    ...[op.end],
    ...[op.end],
  ];
  const exported = (name: string, kind: number) => [name.length, ...Buffer.from(name), kind, 0];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [functionType, 3, i32, i32, i32, 0]),
    ...section(3, [0]),
    ...section(5, [0, foldMemoryBytes / (64 * 1024)]),
    ...section(7, exported('memory', 2), exported('fold', 0)),
    ...section(10, [...unsigned(body.length), ...body]),
  ]);
}

const op = {
  loop: 0x03,
  end: 0x0b,
  brIf: 0x0d,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Const: 0x41,
  i32LtU: 0x49,
  i32Add: 0x6a,
  v128Load: [0xfd, 0x00],
  v128Store: [0xfd, 0x0b],
  v128Xor: [0xfd, 0x51],
} as const;

const functionType = 0x60;
const i32 = 0x7f;
const noResult = 0x40;
/** An alignment of 16 bytes, as a power of two; only a hint. */
const align16 = 4;

function section(id: number, ...items: readonly number[][]): number[] {
  const content = [...unsigned(items.length), ...items.flat()];
  return [id, ...unsigned(content.length), ...content];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}
