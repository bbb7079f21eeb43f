/**
 * The assignment of chunks to packs. esbuild makes a chunk wherever two entries share code, about a hundred in all.
 * Each pack costs a lookup, a compilation and a code cache, so chunks that are always loaded together share a pack.
 */

/** As esbuild's metafile tells it: a chunk's imports, and the source it is the entry of. */
export interface Chunk {
  readonly imports: readonly { readonly path: string; readonly kind: string }[];
  readonly entryPoint?: string | undefined;
}

/** Pack names to the chunks in them. */
export type Packs = ReadonlyMap<string, readonly string[]>;

/**
 * The entries that own their chunks, in this order, even if other entries need the same chunks. A chunk that several
 * other entries share is a separate pack, so that none of them loads another's code.
 */
const eager = ['main.ts', 'agent/client/push.ts', 'entry/run-push.ts'];

export function planPacks(chunks: ReadonlyMap<string, Chunk>): Packs {
  const entries = new Map<string, string>();
  for (const [name, { entryPoint }] of chunks) if (entryPoint !== undefined) entries.set(name, entryPoint);
  const placeOf = new Map<string, string>();
  for (const suffix of eager)
    for (const [name, entryPoint] of entries)
      if (entryPoint.endsWith(`src/${suffix}`))
        for (const chunk of closureOf(name, chunks))
          if (!placeOf.has(chunk)) placeOf.set(chunk, packNameOf(name, entryPoint));
  const users = new Map<string, string[]>();
  for (const name of entries.keys())
    for (const chunk of closureOf(name, chunks))
      if (!placeOf.has(chunk)) users.set(chunk, [...(users.get(chunk) ?? []), name]);
  const packs = new Map<string, string[]>();
  const put = (pack: string, chunk: string) => packs.set(pack, [...(packs.get(pack) ?? []), chunk]);
  for (const [chunk, pack] of placeOf) put(pack, chunk);
  for (const [chunk, [first = '', ...others]] of users)
    put(others.length === 0 ? packNameOf(first, entries.get(first) ?? '') : chunk, chunk);
  return packs;
}

/** `src/stores/s3/store.ts` → `s3-store`; an entry of a package keeps esbuild's name, which its hash makes unique. */
function packNameOf(chunk: string, entryPoint: string): string {
  const own = /(?:^|\/)src\/(?:.*?([^/]+)\/)?([^/]+)\.ts$/.exec(entryPoint);
  if (own === null) return chunk;
  return [own[1], own[2]].filter(part => part !== undefined).join('-');
}

/** The chunk and all that it imports at once. */
function closureOf(name: string, chunks: ReadonlyMap<string, Chunk>, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const { path, kind } of chunks.get(name)?.imports ?? [])
    if (kind === 'import-statement' && chunks.has(path)) closureOf(path, chunks, seen);
  return seen;
}
