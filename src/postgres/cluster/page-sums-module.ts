/** `verifyPages` as a function of a WebAssembly module, with 32 sums in eight vectors. */
import {
  align16,
  align2,
  align4,
  i32,
  noResult,
  op,
  signed,
  unsigned,
  v128,
  vectorOf,
  type FunctionParts,
} from '../../base/checksum/module-bytes.ts';
import { checksumAt, prime, startValues } from './page-checksum.ts';

/**
 * Compares the checksums of the pages in `[at, end)`, of which there is at least one. Writes where each page with a
 * different one begins, as 32-bit numbers from `out` on. @returns how many there are
 */
export type FindWrongPages = (
  at: number,
  end: number,
  firstBlock: number,
  blockSizeBytes: number,
  out: number,
) => number;

const vectors = 8;
const vectorBytes = 16;
const rowBytes = vectors * vectorBytes;
/** Local variables: parameters first, then numbers, then vectors. */
const [at, end, block, blockSize, out, row, pageEnd, folded, count] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const [firstSum, mixed, primes] = [9, 9 + vectors, 10 + vectors];

export function findWrongPagesParts(): FunctionParts {
  const eachSum = (code: (index: number, sum: number) => readonly number[]) =>
    Array.from({ length: vectors }, (_, index) => code(index, firstSum + index)).flat();
  const get = (variable: number) => [op.localGet, variable];
  const rowOf = (index: number) => [
    ...get(row),
    ...[...op.v128Load, align16, ...unsigned(index * vectorBytes)],
  ];
  /** `x = sum ^ word; sum = x * prime ^ x >> 17`; the words of the rounds at the end are zero. */
  const mix = (sum: number, word?: readonly number[]) => [
    ...(word === undefined ? get(sum) : [...get(sum), ...word, ...op.v128Xor]),
    ...[op.localTee, mixed, ...get(primes), ...op.i32x4Mul],
    ...[...get(mixed), op.i32Const, 17, ...op.i32x4ShrU, ...op.v128Xor],
    ...[op.localSet, sum],
  ];
  const round = eachSum((_, sum) => mix(sum));
  const lanes = [0, 1, 2, 3].flatMap(lane => [
    ...[...get(mixed), ...op.i32x4ExtractLane, lane],
    ...(lane === 0 ? [] : [op.i32Xor]),
  ]);
  const body = [
    ...[...vectorOf(Array.from({ length: 4 }, () => prime)), op.localSet, primes],
    ...[op.loop, noResult],
    ...eachSum((index, sum) => [
      ...vectorOf(startValues.subarray(index * 4, index * 4 + 4)),
      op.localSet,
      sum,
    ]),
    ...[...get(at), ...get(blockSize), op.i32Add, op.localSet, pageEnd],
    ...[...get(at), op.localSet, row],
    // In the first row the checksum itself counts as zero.
    ...eachSum((index, sum) =>
      mix(sum, index === 0 ? [...rowOf(0), ...vectorOf([-1, -1, ~0xffff, -1]), ...op.v128And] : rowOf(index)),
    ),
    ...[...get(row), op.i32Const, ...signed(rowBytes), op.i32Add, op.localSet, row],
    ...[op.loop, noResult],
    ...eachSum((index, sum) => mix(sum, rowOf(index))),
    ...[...get(row), op.i32Const, ...signed(rowBytes), op.i32Add, op.localTee, row],
    ...[...get(pageEnd), op.i32LtU, op.brIf, 0],
    ...[op.end],
    ...round,
    ...round,
    ...[...get(firstSum), ...eachSum((index, sum) => (index === 0 ? [] : [...get(sum), ...op.v128Xor]))],
    ...[op.localSet, mixed, ...lanes],
    ...[...get(block), op.i32Xor, op.i32Const, ...signed(65_535), op.i32RemU],
    ...[op.i32Const, 1, op.i32Add, op.localSet, folded],
    ...[...get(folded), ...get(at), op.i32Load16, align2, checksumAt, op.i32Ne],
    ...[op.if, noResult],
    ...[...get(out), ...get(at), op.i32Store, align4, 0],
    ...[...get(out), op.i32Const, 4, op.i32Add, op.localSet, out],
    ...[...get(count), op.i32Const, 1, op.i32Add, op.localSet, count],
    ...[op.end],
    ...[...get(block), op.i32Const, 1, op.i32Add, op.localSet, block],
    ...[...get(pageEnd), op.localTee, at, ...get(end), op.i32LtU, op.brIf, 0],
    ...[op.end],
    ...get(count),
  ];
  return {
    name: 'findWrongPages',
    parameters: [i32, i32, i32, i32, i32],
    results: [i32],
    locals: [
      { count: 4, type: i32 },
      { count: vectors + 2, type: v128 },
    ],
    body,
  };
}
