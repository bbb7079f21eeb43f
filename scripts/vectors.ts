/**
 * `npm run vectors`: writes `test/vectors` with gpg and zstd alone, so that the vectors define the format independently
 * of walvault. It ran once: existing vectors are never replaced, and the keys that signed them no longer exist.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeJsonObjects } from './vectors/json-objects.ts';
import { makeKeys } from './vectors/openpgp.ts';
import { writeHistories, writeManifests } from './vectors/text-files.ts';
import { vectorsDirectory } from './vectors/vector-file.ts';
import { writeWalObjects } from './vectors/wal-objects.ts';

if (existsSync(join(vectorsDirectory, 'keys')))
  throw new Error('test/vectors exists: vectors are never replaced');
await makeKeys();
await writeWalObjects();
await writeJsonObjects();
writeManifests();
writeHistories();
