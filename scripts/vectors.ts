/**
 * `npm run vectors`: writes those sets of `test/vectors` that are not there, with gpg and zstd alone, so that the vectors
 * define the format independently of walvault. Each ran once: existing vectors are never replaced, and the keys that signed
 * them no longer exist.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeJsonObjects } from './vectors/json-objects.ts';
import { makeKeys } from './vectors/openpgp.ts';
import { writeSignedNotes } from './vectors/signed-notes.ts';
import { writeHistories, writeManifests } from './vectors/text-files.ts';
import { vectorsDirectory } from './vectors/vector-file.ts';
import { writeWalObjects } from './vectors/wal-objects.ts';

/** Each by a key that was made with it. */
const sets = [
  { key: 'writer-public.asc', write: writeFirstVectors },
  { key: 'notes-writer-public.asc', write: writeSignedNotes },
];

const missing = sets.filter(({ key }) => !existsSync(join(vectorsDirectory, 'keys', key)));
if (missing.length === 0) throw new Error('all sets exist: vectors are never replaced');
for (const { write } of missing) await write();

async function writeFirstVectors(): Promise<void> {
  await makeKeys();
  await writeWalObjects();
  await writeJsonObjects();
  writeManifests();
  writeHistories();
}
