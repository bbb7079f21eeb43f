/** Content for the bench that is as hard to compress as an encrypted segment. */
import { randomBytes } from 'node:crypto';

/** Random bytes: no compression and no comparison finds a pattern in them. */
export function contentOf(sizeBytes: number): Buffer {
  const content = Buffer.allocUnsafeSlow(sizeBytes);
  randomBytes(sizeBytes).copy(content);
  return content;
}
