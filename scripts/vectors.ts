/**
 * `npm run vectors`: writes `test/vectors` with gpg and zstd alone, so that the vectors say what the format is and not
 * what walvault makes. It ran once: vectors that exist are never replaced, and the keys that signed them are gone.
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
