/** The command by which a restored server runs this walvault: under the name by which a person called it. */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { isSea } from 'node:sea';
import { delimiter, join, resolve } from 'node:path';

/**
 * The executable, or Node and the script of a checkout. The name that was called may be a link to a version, and that
 * version may be gone when the server recovers, so the link is named.
 */
export function ownCommand(env: NodeJS.ProcessEnv): string[] {
  const script = process.argv[1];
  if (!isSea() && script !== undefined) return [process.execPath, ...process.execArgv, resolve(script)];
  return [calledName(process.argv0, process.execPath, env)];
}

/** The absolute path by which `argv0` was found, if it leads to `executable`; else `executable`. */
export function calledName(argv0: string, executable: string, { PATH = '' }: NodeJS.ProcessEnv): string {
  const candidates = argv0.includes('/')
    ? [resolve(argv0)]
    : PATH.split(delimiter).map(directory => resolve(join(directory, argv0)));
  const found = candidates.find(isExecutableFile);
  return found !== undefined && isSameFile(found, executable) ? found : executable;
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isSameFile(path: string, executable: string): boolean {
  try {
    return realpathSync(path) === realpathSync(executable);
  } catch {
    return false;
  }
}
