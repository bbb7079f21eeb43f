/** The segments of a directory repository, which a bench removes. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Removes the segments of a directory repository, so that the next push stores its segment again. */
export function forgetFiles(repository: string): void {
  for (const path of readdirSync(repository, { recursive: true, encoding: 'utf8' }))
    if (path.endsWith('/wal')) rmSync(join(repository, path), { recursive: true });
}
