/** The inner loop of `crc-folder.ts` as a WebAssembly module. */
import { align16, encodeModule, i32, noResult, op, unsigned } from './module-bytes.ts';

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
  const module = new WebAssembly.Module(encodeFold(distancesBytes));
  const { memory, fold } = new WebAssembly.Instance(module).exports;
  return { memory: new Uint8Array(memory.buffer), fold };
}

/**
 * The module's bytes; it exports `memory` and `fold`. The distances are in bytes, ascending:
 *
 *     for (; at < end; at += 16, window += 16)
 *       memory[at] ^= memory[window + longest - distances[0]] ^ memory[window + longest - distances[1]] ^ …
 */
function encodeFold(distancesBytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const longest = Math.max(...distancesBytes);
  const [at, window, end] = [0, 1, 2];
  const added = distancesBytes.flatMap(distance => [
    ...[op.localGet, window],
    ...[...op.v128Load, align16, ...unsigned(longest - distance)],
    ...op.v128Xor,
  ]);
  const body = [
    ...[op.loop, noResult],
    ...[op.localGet, at, op.localGet, at, ...op.v128Load, align16, 0, ...added, ...op.v128Store, align16, 0],
    ...[op.localGet, window, op.i32Const, 16, op.i32Add, op.localSet, window],
    ...[op.localGet, at, op.i32Const, 16, op.i32Add, op.localTee, at],
    ...[op.localGet, end, op.i32LtU, op.brIf, 0],
    ...[op.end],
  ];
  const fold = { name: 'fold', parameters: [i32, i32, i32], results: [], locals: [], body };
  return encodeModule([fold], foldMemoryBytes);
}
