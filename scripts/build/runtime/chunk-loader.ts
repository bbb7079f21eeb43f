/**
 * Runs walvault's code from chunks. esbuild splits the program where it says `await import()`; each piece is an asset
 * of the executable and is compiled when it is first asked for, from V8's code cache if the build has made one.
 */
import { createRequire } from 'node:module';
import { Script } from 'node:vm';

export interface ChunkSource {
  readText(name: string): string;
  readCodeCache(name: string): Buffer | undefined;
  onCompiled?(name: string, script: Script): void;
}

type ChunkFunction = (
  require: (id: string) => unknown,
  module: { exports: unknown },
  exports: unknown,
) => void;

/** A `require` that knows chunks by `./name.js` and, beyond them, Node's own modules. */
export function createChunkLoader(source: ChunkSource): (id: string) => unknown {
  const requireBuiltin = createRequire(process.execPath);
  const loaded = new Map<string, { exports: unknown }>();

  function requireChunk(id: string): unknown {
    if (!id.startsWith('./')) return requireBuiltin(id);
    const name = id.slice(2);
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const chunk = { exports: {} };
    loaded.set(name, chunk);
    compile(name)(requireChunk, chunk, chunk.exports);
    return chunk.exports;
  }

  function compile(name: string): ChunkFunction {
    const cachedData = source.readCodeCache(name);
    const script = new Script(`(function (require, module, exports) {${source.readText(name)}\n})`, {
      filename: `walvault/${name}`,
      ...(cachedData === undefined ? {} : { cachedData }),
    });
    source.onCompiled?.(name, script);
    return script.runInThisContext() as ChunkFunction;
  }

  return requireChunk;
}
