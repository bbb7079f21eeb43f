/** The pieces of WebAssembly modules that are written here byte by byte ("WebAssembly Core Specification", Binary Format). */

export const op = {
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
  i32LtU: 0x49,
  i32Add: 0x6a,
  i32RemU: 0x70,
  i32Xor: 0x73,
  v128Load: [0xfd, 0x00],
  v128Store: [0xfd, 0x0b],
  v128Const: [0xfd, 0x0c],
  i32x4ExtractLane: [0xfd, 0x1b],
  v128And: [0xfd, 0x4e],
  v128Xor: [0xfd, 0x51],
  i32x4ShrU: [0xfd, 0xad, 0x01],
  i32x4Mul: [0xfd, 0xb5, 0x01],
} as const;

export const noResult = 0x40;
export const i32 = 0x7f;
export const v128 = 0x7b;
/** An alignment of 16 bytes, as a power of two; only a hint. */
export const align16 = 4;
export const align4 = 2;
export const align2 = 1;

const memoryPageBytes = 64 * 1024;

export interface ModuleParts {
  /** The name under which the function is exported. */
  readonly name: string;
  readonly parameters: readonly number[];
  readonly results: readonly number[];
  /** Groups of local variables of one type. */
  readonly locals: readonly { readonly count: number; readonly type: number }[];
  readonly body: readonly number[];
  readonly memoryBytes: number;
}

/** The bytes of a module that exports one function and its `memory`. */
export function encodeModule(parts: ModuleParts): Uint8Array<ArrayBuffer> {
  const { name, parameters, results, locals, memoryBytes } = parts;
  const variables = locals.flatMap(({ count, type }) => [...unsigned(count), type]);
  const body = [...unsigned(locals.length), ...variables, ...parts.body, op.end];
  const exported = (text: string, kind: number) => [text.length, ...Buffer.from(text), kind, 0];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [functionType, parameters.length, ...parameters, results.length, ...results]),
    ...section(3, [0]),
    ...section(5, [0, ...unsigned(Math.ceil(memoryBytes / memoryPageBytes))]),
    ...section(7, exported('memory', 2), exported(name, 0)),
    ...section(10, [...unsigned(body.length), ...body]),
  ]);
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
