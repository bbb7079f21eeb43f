/** A failing input made shorter, as long as it fails in the same way. */

const mostAttempts = 400;

/** @param fails true if the input still fails in the same way */
export async function shrink(
  input: Buffer,
  fails: (input: Buffer) => Promise<boolean>,
  { endsAtMs }: { readonly endsAtMs: number },
): Promise<Buffer> {
  let shortest = input;
  let attempts = 0;
  for (let pieceBytes = shortest.length >> 1; pieceBytes > 0; pieceBytes >>= 1)
    for (let at = 0; at < shortest.length;) {
      if (++attempts > mostAttempts || performance.now() > endsAtMs) return shortest;
      const without = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + pieceBytes)]);
      if (await fails(without)) shortest = without;
      else at += pieceBytes;
    }
  return shortest;
}
