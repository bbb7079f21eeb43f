/** The size of a directory tree. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface TreeSize {
  readonly files: number;
  readonly sizeBytes: number;
}

/** The number and size of the files below `directory` whose relative path matches `pattern`. */
export function treeSize(directory: string, pattern = /./): TreeSize {
  let files = 0;
  let sizeBytes = 0;
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const stats = statSync(join(directory, name), { throwIfNoEntry: false });
    if (stats?.isFile() !== true || !pattern.test(name)) continue;
    files++;
    sizeBytes += stats.size;
  }
  return { files, sizeBytes };
}
