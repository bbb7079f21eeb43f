/**
 * The fingerprint that an agent and its asker must share: executable, configuration file and the environment variables
 * that matter. The agent itself watches the files that the configuration names (keys, credentials), so that asking
 * needs no configuration.
 */
import { readFileSync, statSync } from 'node:fs';
import { ownExecutable } from '../../base/own-executable.ts';
import { walvaultCommit, walvaultVersion } from '../../base/build-info.ts';
import { quickDigest } from './quick-digest.ts';

/** The fingerprint of executable and configuration. A missing or unreadable file has a fingerprint, too. */
export function readFingerprint(configPath: string): string {
  return `${quickDigest(executableIdentity())}${quickDigest(contentOf(configPath))}`;
}

/** A digest of each variable: only the agent knows which of them matter. */
export function digestEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) digests[name] = quickDigest(value ?? '');
  return digests;
}

/**
 * Identifies the executable, because an upgrade replaces the file under its name. A release is known by its build, so
 * that an agent in another container serves too; a checkout by the file itself.
 */
function executableIdentity(): string {
  const found = statSync(ownExecutable(), { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return 'not found';
  const { dev, ino, size, mtimeNs } = found;
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
