/**
 * What an agent must have in common with whoever asks it: executable, configuration file, and those variables of the
 * environment that matter to it. The files that the configuration names (keys, credentials) the agent watches by
 * itself, so that asking needs no configuration to be read.
 */
import { readFileSync, statSync } from 'node:fs';
import { walvaultCommit, walvaultVersion } from '../../base/build-info.ts';
import { quickDigest } from './quick-digest.ts';

/** A configuration file that is missing or cannot be read has a fingerprint too. */
export function readFingerprint(configPath: string): string {
  return `${quickDigest(executableIdentity())}${quickDigest(contentOf(configPath))}`;
}

/** Each variable's digest: which of them matter only the agent knows. */
export function digestEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) digests[name] = quickDigest(value ?? '');
  return digests;
}

/**
 * An upgrade replaces the file under its name. A release is known by what it was built from, so that an agent in another
 * container serves too; anything else by the very file.
 */
function executableIdentity(): string {
  const { dev, ino, size, mtimeNs } = statSync(process.execPath, { bigint: true });
  const commit = walvaultCommit();
  const isRelease = commit !== undefined && !commit.endsWith('+');
  const file = isRelease ? [size] : [dev, ino, size, mtimeNs, process.argv[1] ?? ''];
  return [walvaultVersion(), commit ?? '', process.version, ...file].join(' ');
}

function contentOf(path: string): Uint8Array | string {
  try {
    return readFileSync(path);
  } catch (error) {
    return `unreadable: ${String((error as NodeJS.ErrnoException).code)}`;
  }
}
