/** The Node binary inside the executable: npm's `node` package, of the pinned version and with the known digest. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** @throws Error when the binary is not the one whose SHA-256 stands in `scripts/node-sha256.json` */
export async function verifiedNodeBinary(root: string): Promise<string> {
  const path = join(root, 'node_modules/node/bin/node');
  const known = JSON.parse(await readFile(join(root, 'scripts/node-sha256.json'), 'utf8')) as Record<
    string,
    string
  >;
  const platform = `${process.platform}-${process.arch}`;
  const expected = known[platform];
  if (expected === undefined) throw new Error(`scripts/node-sha256.json has no digest for ${platform}`);
  const actual = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  if (actual !== expected)
    throw new Error(`${path}: SHA-256 is ${actual}, expected ${expected} for Node ${known['version']}`);
  return path;
}
