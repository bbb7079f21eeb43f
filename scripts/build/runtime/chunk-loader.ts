/**
 * Runs walvault's code from packs of chunks. esbuild splits the program at each `await import()`; chunks that are
 * loaded together form one pack, an asset of the executable. A pack is compiled when the first of its chunks is needed, from
 * V8's code cache if the build has made one.
 */
import { createRequire } from 'node:module';
import { Script } from 'node:vm';

export interface PackSource {
  readText(pack: string): string;
  readCodeCache(pack: string): Buffer | undefined;
  onCompiled?(pack: string, script: Script): void;
}

type ChunkFunction = (
  require: (id: string) => unknown,
  module: { exports: unknown },
  exports: unknown,
) => void;

/** The build puts it in: each chunk's pack. */
declare const WALVAULT_PACK_OF: Readonly<Record<string, string>>;

/** A `require` that knows chunks by `./name.js` and, beyond them, Node's own modules. */
export function createChunkLoader(source: PackSource): (id: string) => unknown {
  // Only for Node's own modules, which need no place. Without /proc, `process.execPath` may be relative, and Node refuses it.
  const requireBuiltin = createRequire('/');
  const packs = new Map<string, Record<string, ChunkFunction>>();
  const loaded = new Map<string, { exports: unknown }>();

  function requireChunk(id: string): unknown {
    if (!id.startsWith('./')) return requireBuiltin(id);
    const name = id.slice(2);
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const chunk = { exports: {} };
    loaded.set(name, chunk);
    functionOf(name)(requireChunk, chunk, chunk.exports);
    return chunk.exports;
  }

  function functionOf(name: string): ChunkFunction {
    const pack = WALVAULT_PACK_OF[name] ?? '';
    let chunks = packs.get(pack);
    if (chunks === undefined) packs.set(pack, (chunks = compile(pack)));
    const found = chunks[name];
    if (found === undefined) throw new Error(`the executable has no ${name}`);
    return found;
  }

  function compile(pack: string): Record<string, ChunkFunction> {
    const cachedData = source.readCodeCache(pack);
    const script = new Script(source.readText(pack), {
      filename: `walvault/${pack}.js`,
      ...(cachedData === undefined ? {} : { cachedData }),
    });
    source.onCompiled?.(pack, script);
    return script.runInThisContext() as Record<string, ChunkFunction>;
  }

  return requireChunk;
}
