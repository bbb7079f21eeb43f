/**
 * The build's replacement for `sea-main.ts`: it runs the same packs from a directory. When the process ends, it writes
 * the code cache of each loaded pack, with the functions that ran and those that an earlier run had cached.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Script } from 'node:vm';
import { createChunkLoader } from './chunk-loader.ts';

const packDirectory = process.argv[2] ?? '';
const cacheDirectory = process.argv[3] ?? '';
process.argv.splice(2, 2);

const cachePath = (pack: string) => join(cacheDirectory, `${pack}.cache`);
const scripts = new Map<string, Script>();
const requireChunk = createChunkLoader({
  readText: pack => readFileSync(join(packDirectory, pack), 'latin1'),
  readCodeCache: pack => (existsSync(cachePath(pack)) ? readFileSync(cachePath(pack)) : undefined),
  onCompiled: (pack, script) => scripts.set(pack, script),
});

process.on('exit', () => {
  for (const [pack, script] of scripts) writeFileSync(cachePath(pack), script.createCachedData());
});

// Who leaves by exec is not heard by the above.
Object.defineProperty(process, 'execve', { value: undefined });

requireChunk('./main.js');
