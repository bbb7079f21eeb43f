import { randomBytes } from 'node:crypto';

/** As hard to guess for anything that compresses or compares as an encrypted segment. */
export function contentOf(sizeBytes: number): Buffer {
  const content = Buffer.allocUnsafeSlow(sizeBytes);
  randomBytes(sizeBytes).copy(content);
  return content;
}
