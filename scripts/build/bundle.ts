/** From sources to chunks: one script for what runs at once, others for what is loaded when it is needed. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, transform } from 'esbuild';

export interface BundleOptions {
  readonly root: string;
  readonly outDirectory: string;
  readonly version: string;
  readonly commit: string;
}

/**
 * Writes `main.js` and the chunks it names to `outDirectory`, and the two runtime scripts beside them.
 * @returns the chunks' file names
 */
export async function bundle(options: BundleOptions): Promise<string[]> {
  const splitDirectory = join(options.outDirectory, 'split');
  const chunkDirectory = join(options.outDirectory, 'chunks');
  await mkdir(chunkDirectory, { recursive: true });
  await split(options, splitDirectory);
  await bundleRuntime(options);
  const names = (await readdir(splitDirectory)).filter(name => name.endsWith('.js')).toSorted();
  for (const name of names)
    await writeFile(join(chunkDirectory, name), await toCommonJs(join(splitDirectory, name)));
  return names;
}

/** esbuild splits ES modules only, so it bundles to those first; `toCommonJs` turns each into what a script can be. */
async function split(options: BundleOptions, outdir: string): Promise<void> {
  await build({
    entryPoints: [join(options.root, 'src/main.ts')],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node26',
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
    },
    logLevel: 'warning',
  });
}

async function toCommonJs(path: string): Promise<string> {
  const result = await transform(await readFile(path, 'utf8'), {
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    supported: { 'dynamic-import': false },
    charset: 'ascii',
    minifyWhitespace: true,
    logLevel: 'error',
  });
  const offending = /[^\0-\x7f]/.exec(result.code);
  if (offending !== null) throw new Error(`${path}: "${offending[0]}" is not ASCII`);
  return result.code;
}

async function bundleRuntime(options: BundleOptions): Promise<void> {
  await build({
    entryPoints: ['sea-main', 'warm-up-main'].map(name =>
      join(options.root, `scripts/build/runtime/${name}.ts`),
    ),
    outdir: options.outDirectory,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    logLevel: 'warning',
  });
}
