/** How large the parts of a multipart upload are. */
const mebibyte = 1024 * 1024;
/** S3's own limit ("Amazon S3 multipart upload limits"). */
export const maxParts = 10_000;

/** The size of each part, so that `maxParts` of them hold the whole; whole MiB. */
export function partSizeFor(sizeBytes: number | undefined, smallestBytes: number): number {
  const neededBytes = Math.ceil((sizeBytes ?? 0) / maxParts);
  return Math.max(smallestBytes, Math.ceil(neededBytes / mebibyte) * mebibyte);
}
