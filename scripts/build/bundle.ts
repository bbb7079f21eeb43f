/** Bundles the sources into packs of chunks: one pack for the start, and others that are loaded when needed. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, transform, type Metafile } from 'esbuild';
import { planPacks, type Chunk, type Packs } from './packs.ts';

export interface BundleOptions {
  readonly root: string;
  readonly outDirectory: string;
  readonly version: string;
  readonly commit: string;
}

export interface Bundle {
  /** The packs' names, which are their files'. */
  readonly packs: readonly string[];
  /** The files of which at least a byte is in it, ours and those of packages, relative to the root. */
  readonly sources: readonly string[];
}

/** Writes the packs to `<outDirectory>/packs`, and the two runtime scripts to `outDirectory`. */
export async function bundle(options: BundleOptions): Promise<Bundle> {
  const splitDirectory = join(options.outDirectory, 'split');
  const packDirectory = join(options.outDirectory, 'packs');
  await mkdir(packDirectory, { recursive: true });
  const { outputs } = await split(options, splitDirectory);
  const packs = planPacks(chunksOf(outputs));
  for (const [pack, chunks] of packs) {
    const functions = chunks.map(async chunk => {
      const body = await toCommonJs(join(splitDirectory, chunk));
      return `${JSON.stringify(chunk)}:function(require,module,exports){${body}\n}`;
    });
    await writeFile(join(packDirectory, pack), `({${(await Promise.all(functions)).join(',\n')}})`);
  }
  const runtime = await bundleRuntime(options, packs);
  const sources = [...sourcesOf(outputs), ...sourcesOf(runtime.outputs)];
  return { packs: [...packs.keys()].toSorted(), sources: [...new Set(sources)].toSorted() };
}

/** esbuild splits ES modules only, so it bundles to those first; `toCommonJs` turns each into what a script can be. */
async function split(options: BundleOptions, outdir: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: options.root,
    entryPoints: [join(options.root, 'src/main.ts')],
    outdir,
    bundle: true,
    splitting: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    // Paths of files are part of chunks' names: they must not depend on where the packages lie.
    preserveSymlinks: true,
    chunkNames: '[name]-[hash]',
    charset: 'ascii',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // None is ever loaded: `open` starts a browser to log in to Azure, and its text is not ASCII. `supports-color` is taken where it
    // happens to be there, as packages for development bring it along.
    external: ['pg-native', 'pg-cloudflare', 'open', 'supports-color'],
    define: {
      WALVAULT_VERSION: JSON.stringify(options.version),
      // Dependencies make a `require` for Node's modules from it; no such file exists or is read.
      'import.meta.url': JSON.stringify('file:///walvault/main.js'),
      WALVAULT_COMMIT: JSON.stringify(options.commit),
      // The driver would look for libpq's bindings, which are not bundled.
      'process.env.NODE_PG_FORCE_NATIVE': 'undefined',
    },
    logLevel: 'warning',
  });
  return metafile;
}

/** The chunks by their file names. */
function chunksOf(outputs: Metafile['outputs']): Map<string, Chunk> {
  return new Map(
    Object.entries(outputs).map(([path, { imports, entryPoint }]) => [
      basename(path),
      { imports: imports.map(({ path: target, kind }) => ({ path: basename(target), kind })), entryPoint },
    ]),
  );
}

function sourcesOf(outputs: Metafile['outputs']): string[] {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path),
  );
}

async function toCommonJs(path: string): Promise<string> {
  const result = await transform(await readFile(path, 'utf8'), {
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    supported: { 'dynamic-import': false },
    charset: 'ascii',
    minifyWhitespace: true,
    logLevel: 'error',
  });
  const offending = /[^\0-\x7f]/.exec(result.code);
  if (offending !== null) throw new Error(`${path}: "${offending[0]}" is not ASCII`);
  return result.code;
}

async function bundleRuntime(options: BundleOptions, packs: Packs): Promise<Metafile> {
  const packOf = Object.fromEntries(
    [...packs].flatMap(([pack, chunks]) => chunks.map(chunk => [chunk, pack] as const)),
  );
  const { metafile } = await build({
    absWorkingDir: options.root,
    entryPoints: ['sea-main', 'warm-up-main'].map(name =>
      join(options.root, `scripts/build/runtime/${name}.ts`),
    ),
    outdir: options.outDirectory,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    metafile: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    define: { WALVAULT_PACK_OF: JSON.stringify(packOf) },
    logLevel: 'warning',
  });
  return metafile;
}
