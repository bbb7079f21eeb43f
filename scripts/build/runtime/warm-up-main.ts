/**
 * The build's stand-in for `sea-main.ts`: runs the same chunks from a directory and, when the process ends, writes the
 * code cache of each that was loaded, functions compiled on the way included.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Script } from 'node:vm';
import { createChunkLoader } from './chunk-loader.ts';

const chunkDirectory = process.argv[2] ?? '';
const cacheDirectory = process.argv[3] ?? '';
process.argv.splice(2, 2);

const scripts = new Map<string, Script>();
const requireChunk = createChunkLoader({
  readText: name => readFileSync(join(chunkDirectory, name), 'latin1'),
  readCodeCache: () => undefined,
  onCompiled: (name, script) => scripts.set(name, script),
});

process.on('exit', () => {
  for (const [name, script] of scripts)
    writeFileSync(join(cacheDirectory, `${name}.cache`), script.createCachedData());
});

requireChunk('./main.js');
