/** Which packages are in the executable: those whose files esbuild has read, with what the lock file says of them. */

/** Of `package-lock.json`, by directory. */
export type LockedPackages = Readonly<Record<string, LockedPackage>>;

export interface LockedPackage {
  /** Only where the directory has another name. */
  readonly name?: string;
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
}

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly licence: string;
  /** `sha512-<base64>`, of the package as the registry serves it. */
  readonly integrity: string;
  /** `node_modules/<name>`, or a directory below another package's. */
  readonly directory: string;
}

/**
 * The packages of `files`, paths relative to the root, in the order of their directories.
 * @throws Error for a file of a package that the lock file does not have, or has for development only
 */
export function bundledPackages(files: readonly string[], locked: LockedPackages): BundledPackage[] {
  const directories = new Set(files.map(packageDirectoryOf).filter(directory => directory !== undefined));
  return [...directories].toSorted().map(directory => describe(directory, locked[directory]));
}

/** @returns undefined for a file of our own */
function packageDirectoryOf(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

function describe(directory: string, locked: LockedPackage | undefined): BundledPackage {
  if (locked?.version === undefined || locked.integrity === undefined)
    throw new Error(`${directory} is bundled, but package-lock.json has no version and digest of it`);
  if (locked.dev === true)
    throw new Error(`${directory} is bundled, but package-lock.json has it for development only`);
  if (locked.license === undefined) throw new Error(`${directory} is bundled, and has no licence`);
  return {
    name: locked.name ?? directory.slice(directory.lastIndexOf('node_modules/') + 'node_modules/'.length),
    version: locked.version,
    licence: withoutOldNames(locked.license),
    integrity: locked.integrity,
    directory,
  };
}

/** SPDX replaced `LGPL-3.0+` and its kin by `LGPL-3.0-or-later`. */
function withoutOldNames(licence: string): string {
  return licence.replaceAll(/\b([AL]?GPL-\d\.\d)\+/g, '$1-or-later');
}
