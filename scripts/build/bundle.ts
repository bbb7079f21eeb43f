/** Bundles the sources into packs of chunks: one pack for the start, and others that are loaded when needed. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, transform } from 'esbuild';
import { planPacks, type Chunk, type Packs } from './packs.ts';

export interface BundleOptions {
  readonly root: string;
  readonly outDirectory: string;
  readonly version: string;
  readonly commit: string;
}

/**
 * Writes the packs to `<outDirectory>/packs`, and the two runtime scripts to `outDirectory`.
 * @returns the packs' names, which are their files'
 */
export async function bundle(options: BundleOptions): Promise<string[]> {
  const splitDirectory = join(options.outDirectory, 'split');
  const packDirectory = join(options.outDirectory, 'packs');
  await mkdir(packDirectory, { recursive: true });
  const packs = planPacks(await split(options, splitDirectory));
  for (const [pack, chunks] of packs) {
    const functions = chunks.map(async chunk => {
      const body = await toCommonJs(join(splitDirectory, chunk));
      return `${JSON.stringify(chunk)}:function(require,module,exports){${body}\n}`;
    });
    await writeFile(join(packDirectory, pack), `({${(await Promise.all(functions)).join(',\n')}})`);
  }
  await bundleRuntime(options, packs);
  return [...packs.keys()].toSorted();
}

/**
 * esbuild splits ES modules only, so it bundles to those first; `toCommonJs` turns each into what a script can be.
 * @returns the chunks by their file names
 */
async function split(options: BundleOptions, outdir: string): Promise<Map<string, Chunk>> {
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
    chunkNames: '[name]-[hash]',
    charset: 'ascii',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // None is ever loaded: `open` starts a browser to log in to Azure, and its text is not ASCII.
    external: ['pg-native', 'pg-cloudflare', 'open'],
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
  return new Map(
    Object.entries(metafile.outputs).map(([path, { imports, entryPoint }]) => [
      basename(path),
      { imports: imports.map(({ path: target, kind }) => ({ path: basename(target), kind })), entryPoint },
    ]),
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

async function bundleRuntime(options: BundleOptions, packs: Packs): Promise<void> {
  const packOf = Object.fromEntries(
    [...packs].flatMap(([pack, chunks]) => chunks.map(chunk => [chunk, pack] as const)),
  );
  await build({
    entryPoints: ['sea-main', 'warm-up-main'].map(name =>
      join(options.root, `scripts/build/runtime/${name}.ts`),
    ),
    outdir: options.outDirectory,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    define: { WALVAULT_PACK_OF: JSON.stringify(packOf) },
    logLevel: 'warning',
  });
}
