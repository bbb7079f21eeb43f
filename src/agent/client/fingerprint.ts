/**
 * What an agent must have in common with whoever asks it: executable, configuration file and environment. The files
 * that the configuration names (keys, credentials) the agent watches by itself, so that asking needs no
 * configuration to be read.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** Set anew by every shell, and no setting of ours or of any store's library. */
const volatileVariables: ReadonlySet<string> = new Set(['_', 'PWD', 'OLDPWD', 'SHLVL']);

/** SHA-256, 64 hex digits. A configuration file that is missing or cannot be read has a fingerprint too. */
export function readFingerprint(configPath: string, env: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256').update(executableIdentity()).update('\0');
  hash.update(contentOf(configPath));
  for (const name of Object.keys(env).toSorted())
    if (!volatileVariables.has(name)) hash.update(`\0${name}=${env[name]}`);
  return hash.digest('hex');
}

/** The file that this process runs, which an upgrade replaces under the same name. */
function executableIdentity(): string {
  const { dev, ino, size, mtimeNs } = statSync(process.execPath, { bigint: true });
  return [dev, ino, size, mtimeNs, process.argv[1] ?? ''].join(' ');
}

function contentOf(path: string): Uint8Array | string {
  try {
    return readFileSync(path);
  } catch (error) {
    return `unreadable: ${String((error as NodeJS.ErrnoException).code)}`;
  }
}
