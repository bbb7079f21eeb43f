/**
 * `npm run golden -- NAME [LIFE]`: writes a golden archive, `test/golden/NAME`, by the built executable and a real PostgreSQL.
 * A set that exists is never replaced: later versions must read what this one wrote. A later format, or a later kind of
 * object, gets a set of its own. The lives are those of `make-set.ts`.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lives, makeGoldenSet } from './golden/make-set.ts';

const [name, wanted = 'whole'] = process.argv.slice(2);
const life = lives.find(one => one === wanted);
if (name === undefined || !/^[a-z0-9-]+$/.test(name) || life === undefined)
  throw new Error(`npm run golden -- NAME [${lives.join(' | ')}]`);
const directory = join(resolve(import.meta.dirname, '../test/golden'), name);
if (existsSync(directory)) throw new Error(`test/golden/${name} exists: a golden set is never replaced`);
await makeGoldenSet(directory, life);
console.log(`test/golden/${name} is written`);
