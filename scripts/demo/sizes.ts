import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface TreeSize {
  readonly files: number;
  readonly sizeBytes: number;
}

/** Files below `directory` whose path, from there, matches `pattern`. */
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
