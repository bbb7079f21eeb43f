/**
 * HighwayHash-64 as a function of a WebAssembly module, with vectors of two numbers of 64 bits: a state of sixteen numbers
 * in eight vectors, which stay in registers.
 */
import { finalRounds, firstMul0, firstMul1, packetBytes } from './highway-hash.ts';
import {
  align16,
  align8,
  i32,
  noResult,
  op,
  unsigned,
  v128,
  vectorOf,
  type FunctionParts,
} from './module-bytes.ts';

/**
 * Hashes the pieces in `[at, end)`, each of `pieceBytes`, and writes the hashes from `out` on. The lengths are whole
 * packets; `end` may be `at`, for one piece without a whole packet. At `scratch` lies the key, and behind it the last packet
 * of each piece if `restBytes`, the length that it was made of, is not 0.
 */
export type HashPieces = (
  at: number,
  end: number,
  pieceBytes: number,
  restBytes: number,
  scratch: number,
  out: number,
) => void;

/** The room that `scratch` takes. */
export const scratchBytes = 2 * packetBytes;

type Code = readonly number[];
/** The lower and the upper half of four numbers. */
type Halves = readonly [Code, Code];

/** Local variables: parameters first, then numbers, then vectors. */
const [at, end, pieceBytes, restBytes, scratch, out, pieceEnd, round] = [0, 1, 2, 3, 4, 5, 6, 7];
const [v0, v1, mul0, mul1] = [
  [8, 9],
  [10, 11],
  [12, 13],
  [14, 15],
] as const;
const [factor, otherFactor, permuted] = [16, 17, 18];
const vectors = 11;

const get = (variable: number) => [op.localGet, variable];
const set = (variable: number, code: Code) => [...code, op.localSet, variable];
const load = (address: number, offset: number): Code => [
  ...get(address),
  ...[...op.v128Load, align16, ...unsigned(offset)],
];
const bothHalves = (code: (half: 0 | 1) => Code): Code => [...code(0), ...code(1)];
const shuffle = (a: Code, b: Code, bytes: Code): Code => [...a, ...b, ...op.i8x16Shuffle, ...bytes];
const ofWords = (...words: readonly number[]) => words.flatMap(word => [0, 1, 2, 3].map(n => word * 4 + n));
const swapWords = (vector: Code) => shuffle(vector, vector, ofWords(1, 0, 3, 2));
/** The order in which bytes are mixed into the other variable; those that products mix worst end in high words. */
const mixOrder = [3, 12, 2, 5, 14, 1, 15, 0, 11, 4, 10, 13, 9, 6, 8, 7];

export function hashPiecesParts(): FunctionParts {
  const body = [
    ...[op.loop, noResult],
    ...begin,
    ...set(pieceEnd, [...get(at), ...get(pieceBytes), op.i32Add]),
    ...wholePackets,
    ...lastPacket,
    ...finish,
    ...[...get(at), ...get(end), op.i32LtU, op.brIf, 0],
    ...[op.end],
  ];
  return {
    name: 'hashPieces',
    parameters: [i32, i32, i32, i32, i32, i32],
    results: [],
    locals: [
      { count: 2, type: i32 },
      { count: vectors, type: v128 },
    ],
    body,
  };
}

const begin = bothHalves(half => {
  const key = load(scratch, half * 16);
  const words = (all: Int32Array) => vectorOf(all.subarray(half * 4, half * 4 + 4));
  return [
    ...set(mul0[half], words(firstMul0)),
    ...set(mul1[half], words(firstMul1)),
    ...set(v0[half], [...get(mul0[half]), ...key, ...op.v128Xor]),
    ...set(v1[half], [...get(mul1[half]), ...swapWords(key), ...op.v128Xor]),
  ];
});

const wholePackets: Code = [
  ...[op.block, noResult],
  ...[...get(at), ...get(pieceEnd), op.i32LtU, op.i32Eqz, op.brIf, 0],
  ...[op.loop, noResult],
  ...update([load(at, 0), load(at, 16)]),
  ...[...get(at), op.i32Const, packetBytes, op.i32Add, op.localTee, at],
  ...[...get(pieceEnd), op.i32LtU, op.brIf, 0],
  ...[op.end],
  ...[op.end],
];

const lastPacket: Code = [
  ...[...get(restBytes), op.if, noResult],
  ...bothHalves(half => [
    ...set(v0[half], [...get(v0[half]), ...get(restBytes), ...op.i32x4Splat, ...op.i64x2Add]),
    ...set(v1[half], [
      ...[...get(v1[half]), ...get(restBytes), ...op.i32x4Shl],
      ...[...get(v1[half]), op.i32Const, 32, ...get(restBytes), op.i32Sub, ...op.i32x4ShrU],
      ...op.v128Or,
    ]),
  ]),
  ...update([load(scratch, packetBytes), load(scratch, packetBytes + 16)]),
  ...[op.end],
];

const finish: Code = [
  ...set(round, [op.i32Const, finalRounds]),
  ...[op.loop, noResult],
  ...set(permuted, swapWords(get(v0[0]))),
  ...update([swapWords(get(v0[1])), get(permuted)]),
  ...[...get(round), op.i32Const, 1, op.i32Sub, op.localTee, round, op.brIf, 0],
  ...[op.end],
  ...get(out),
  ...[...get(v0[0]), ...get(v1[0]), ...op.i64x2Add],
  ...[...get(mul0[0]), ...op.i64x2Add, ...get(mul1[0]), ...op.i64x2Add],
  ...[...op.v128Store64Lane, align8, 0, 0],
  ...set(out, [...get(out), op.i32Const, 8, op.i32Add]),
];

function update(packet: Halves): Code {
  const add = (to: readonly [number, number], code: (half: 0 | 1) => Code) =>
    bothHalves(half => set(to[half], [...get(to[half]), ...code(half), ...op.i64x2Add]));
  /** Low words of `a` times high words of `b`. WebAssembly multiplies neighbouring words: those of both halves are gathered. */
  const addProducts = (to: readonly [number, number], a: readonly [number, number], b: readonly [number, number]) => [
    ...set(factor, shuffle(get(a[0]), get(a[1]), ofWords(0, 2, 4, 6))),
    ...set(otherFactor, shuffle(get(b[0]), get(b[1]), ofWords(1, 3, 5, 7))),
    ...bothHalves(half => {
      const multiply = half === 0 ? op.i64x2ExtmulLowU : op.i64x2ExtmulHighU;
      return set(to[half], [...get(to[half]), ...get(factor), ...get(otherFactor), ...multiply, ...op.v128Xor]);
    }),
  ]; // prettier-ignore
  const mixed = (from: readonly [number, number]) => (half: 0 | 1) =>
    shuffle(get(from[half]), get(from[half]), mixOrder);
  return [
    ...add(v1, half => [...get(mul0[half]), ...packet[half], ...op.i64x2Add]),
    ...addProducts(mul0, v1, v0),
    ...add(v0, half => get(mul1[half])),
    ...addProducts(mul1, v0, v1),
    ...add(v0, mixed(v1)),
    ...add(v1, mixed(v0)),
  ];
}
