/** The pieces of WebAssembly modules that are written here byte by byte ("WebAssembly Core Specification", Binary Format). */

export const op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  brIf: 0x0d,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Load16: 0x2f,
  i32Store: 0x36,
  i32Const: 0x41,
  i32Ne: 0x47,
  i32Eqz: 0x45,
  i32LtU: 0x49,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32RemU: 0x70,
  i32Xor: 0x73,
  v128Load: [0xfd, 0x00],
  v128Store: [0xfd, 0x0b],
  v128Const: [0xfd, 0x0c],
  i8x16Shuffle: [0xfd, 0x0d],
  i32x4Splat: [0xfd, 0x11],
  i32x4ExtractLane: [0xfd, 0x1b],
  v128And: [0xfd, 0x4e],
  v128Or: [0xfd, 0x50],
  v128Xor: [0xfd, 0x51],
  v128Store64Lane: [0xfd, 0x5b],
  i32x4Shl: [0xfd, 0xab, 0x01],
  i32x4ShrU: [0xfd, 0xad, 0x01],
  i32x4Mul: [0xfd, 0xb5, 0x01],
  i64x2Add: [0xfd, 0xce, 0x01],
  i64x2ExtmulLowU: [0xfd, 0xde, 0x01],
  i64x2ExtmulHighU: [0xfd, 0xdf, 0x01],
} as const;

export const noResult = 0x40;
export const i32 = 0x7f;
export const v128 = 0x7b;
/** An alignment of 16 bytes, as a power of two; only a hint. */
export const align16 = 4;
export const align8 = 3;
export const align4 = 2;
export const align2 = 1;

const memoryPageBytes = 64 * 1024;

export interface FunctionParts {
  /** The name under which the function is exported. */
  readonly name: string;
  readonly parameters: readonly number[];
  readonly results: readonly number[];
  /** Groups of local variables of one type. */
  readonly locals: readonly { readonly count: number; readonly type: number }[];
  readonly body: readonly number[];
}

/** The bytes of a module that exports functions and its `memory`, in which all of them work. */
export function encodeModule(
  functions: readonly FunctionParts[],
  memoryBytes: number,
): Uint8Array<ArrayBuffer> {
  const exported = (text: string, kind: number, index: number) => [
    ...[text.length, ...Buffer.from(text)],
    ...[kind, index],
  ];
  const types = functions.map(({ parameters, results }) => [
    ...[functionType, parameters.length, ...parameters],
    ...[results.length, ...results],
  ]);
  const names = functions.map(({ name }, index) => exported(name, 0, index));
  const bodies = functions.map(({ locals, body }) => {
    const variables = locals.flatMap(({ count, type }) => [...unsigned(count), type]);
    const code = [...unsigned(locals.length), ...variables, ...body, op.end];
    return [...unsigned(code.length), ...code];
  });
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, ...types),
    ...section(3, ...functions.map((_, index) => [index])),
    ...section(5, [0, ...unsigned(Math.ceil(memoryBytes / memoryPageBytes))]),
    ...section(7, exported('memory', 2, 0), ...names),
    ...section(10, ...bodies),
  ]);
}

/** A constant of four words. */
export function vectorOf(words: Iterable<number>): number[] {
  return [...op.v128Const, ...new Uint8Array(Int32Array.from(words).buffer)];
}

/** LEB128. */
export function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128 with a sign, as constants have it. */
export function signed(value: number): number[] {
  const rest = value >> 7;
  const isLast = rest === ((value & 0x40) === 0 ? 0 : -1);
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(rest)];
}

const functionType = 0x60;

function section(id: number, ...items: readonly number[][]): number[] {
  const content = [...unsigned(items.length), ...items.flat()];
  return [id, ...unsigned(content.length), ...content];
}
