/**
 * `npm run golden -- NAME`: writes a golden archive, `test/golden/NAME`, by the built executable and a real PostgreSQL.
 * A set that exists is never replaced: later versions must read what this one wrote. A later format, or a later kind of
 * object, gets a set of its own.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeGoldenSet } from './golden/make-set.ts';

const name = process.argv[2];
if (name === undefined || !/^[a-z0-9-]+$/.test(name)) throw new Error('npm run golden -- NAME');
const directory = join(resolve(import.meta.dirname, '../test/golden'), name);
if (existsSync(directory)) throw new Error(`test/golden/${name} exists: a golden set is never replaced`);
await makeGoldenSet(directory);
console.log(`test/golden/${name} is written`);
