/**
 * The build's replacement for `sea-main.ts`: it runs the same packs from a directory. When the process ends, it writes
 * the code cache of each loaded pack, with the functions that ran and those that an earlier run had cached. What a cache holds
 * must not depend on time, or no two builds are alike (docs/adr/0010-builds-that-can-be-repeated.md).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Script } from 'node:vm';
import { createChunkLoader } from './chunk-loader.ts';

const packDirectory = process.argv[2] ?? '';
const cacheDirectory = process.argv[3] ?? '';
process.argv.splice(2, 2);

const cachePath = (pack: string) => join(cacheDirectory, `${pack}.cache`);
const scripts = new Map<string, Script>();
const requireChunk = createChunkLoader({
  readText: pack => readFileSync(join(packDirectory, pack), 'latin1'),
  readCodeCache(pack) {
    useFlags('as the executable');
    return existsSync(cachePath(pack)) ? readFileSync(cachePath(pack)) : undefined;
  },
  onCompiled(pack, script) {
    useFlags('repeatable');
    scripts.set(pack, script);
  },
});

process.on('exit', () => {
  useFlags('as the executable');
  for (const [pack, script] of scripts) writeFileSync(cachePath(pack), script.createCachedData());
});

// Who leaves by exec is not heard by the above.
Object.defineProperty(process, 'execve', { value: undefined });

requireChunk('./main.js');

/**
 * A cache records which functions were compiled further than to bytecode, and lacks those whose bytecode was thrown away
 * meanwhile: both depend on how fast the machine is. The flags are part of a cache's tag, so caches are read and made with others.
 */
function useFlags(which: 'repeatable' | 'as the executable'): void {
  const no = which === 'repeatable' ? 'no-' : '';
  for (const flag of ['sparkplug', 'maglev', 'turbofan', 'flush-bytecode'])
    setFlagsFromString(`--${no}${flag}`);
}
