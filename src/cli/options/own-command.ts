/** The command by which a restored server runs this walvault: under the name by which a person called it. */
import { realpathSync } from 'node:fs';
import { isSea } from 'node:sea';
import { resolve } from 'node:path';
import { findProgram, ownExecutable } from '../../base/own-executable.ts';

/**
 * The executable, or Node and the script of a checkout. The name that was called may be a link to a version, and that
 * version may be gone when the server recovers, so the link is named.
 */
export function ownCommand(env: NodeJS.ProcessEnv): string[] {
  const script = process.argv[1];
  if (!isSea() && script !== undefined) return [process.execPath, ...process.execArgv, resolve(script)];
  return [calledName(process.argv0, ownExecutable(), env)];
}

/** The absolute path by which `argv0` was found, if it leads to `executable`; else `executable`. */
export function calledName(argv0: string, executable: string, env: NodeJS.ProcessEnv): string {
  const found = findProgram(argv0, env);
  return found !== undefined && isSameFile(found, executable) ? found : executable;
}

function isSameFile(path: string, executable: string): boolean {
  try {
    return realpathSync(path) === realpathSync(executable);
  } catch {
    return false;
  }
}
