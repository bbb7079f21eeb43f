import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Takes the segments out of a directory repository, so that the next push is a first one. */
export function forgetFiles(repository: string): void {
  for (const path of readdirSync(repository, { recursive: true, encoding: 'utf8' }))
    if (path.endsWith('/wal')) rmSync(join(repository, path), { recursive: true });
}
