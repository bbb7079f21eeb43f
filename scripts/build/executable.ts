/** Makes one executable of the packs of code: Node's single-executable format, assembled by pkg. */
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

export interface Target {
  readonly nodeRange: string;
  readonly platform: string;
  readonly arch: string;
  readonly output: string;
}

export interface PkgConfig {
  readonly targets: readonly Target[];
  readonly seaConfig: Readonly<Record<string, unknown>> & { readonly execArgv: readonly string[] };
}

export interface ExecutableOptions {
  readonly config: PkgConfig;
  readonly target: Target;
  readonly nodePath: string;
  readonly entry: string;
  /** Asset name to absolute path. */
  readonly assets: Readonly<Record<string, string>>;
}

type Sea = (entry: string, options: Record<string, unknown>) => Promise<void>;

/**
 * pkg's command line looks for Node on the network and drops `seaConfig`; the function behind it does neither. Node writes the
 * entry's path into the executable as it is given. pkg works in a directory that it makes below TMPDIR: from there the entry
 * has the same relative path in every build.
 */
export async function makeExecutable(options: ExecutableOptions): Promise<void> {
  const require = createRequire(import.meta.url);
  const sea = (require('@yao-pkg/pkg/lib-es5/sea.js') as { default: Sea }).default;
  process.env['TMPDIR'] = dirname(options.entry);
  await sea(options.entry, {
    targets: [{ ...options.target }],
    signature: true,
    nodePath: options.nodePath,
    seaConfig: {
      ...options.config.seaConfig,
      main: join('..', basename(options.entry)),
      assets: options.assets,
    },
  });
}

/**
 * This machine's target. An executable is built on its own architecture only, because V8's code caches are made by running it.
 * @param wanted architectures that were asked for, if any
 * @throws Error when there is none, when another one is wanted, or when it is not for the Node that runs this
 */
export function chooseTarget(config: PkgConfig, wanted: readonly string[] = []): Target {
  const other = wanted.find(arch => arch !== process.arch);
  if (other !== undefined)
    throw new Error(
      `cannot build for "${other}" on ${process.platform}-${process.arch}: run the build on such a machine`,
    );
  const target = config.targets.find(
    each => each.platform === process.platform && each.arch === process.arch,
  );
  if (target === undefined)
    throw new Error(`pkg.config.json has no target for ${process.platform}-${process.arch}`);
  const expected = `node${process.versions.node}`;
  if (target.nodeRange !== expected)
    throw new Error(
      `pkg.config.json says ${target.nodeRange}, but this is ${expected}: run it with "npm run build"`,
    );
  return target;
}

export function assetPaths(
  directory: string,
  packs: readonly string[],
  caches: readonly string[],
): Record<string, string> {
  return Object.fromEntries([
    ...packs.map(name => [name, join(directory, 'packs', name)]),
    ...caches.map(name => [name, join(directory, 'caches', name)]),
  ]) as Record<string, string>;
}
