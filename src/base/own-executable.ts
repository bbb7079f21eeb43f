/** The path of the running executable. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/**
 * The absolute path of this program. Without a mounted /proc, Node knows only the name by which it was started. The name
 * itself where no program is found by it any more.
 */
export function ownExecutable(startedAs = process.execPath, env: NodeJS.ProcessEnv = process.env): string {
  return isAbsolute(startedAs) ? startedAs : (findProgram(startedAs, env) ?? startedAs);
}

/** The absolute path of the program that a shell starts by this name: from the working directory, or from PATH. */
export function findProgram(name: string, { PATH = '' }: NodeJS.ProcessEnv): string | undefined {
  const candidates = name.includes('/')
    ? [resolve(name)]
    : PATH.split(delimiter).map(directory => resolve(join(directory, name)));
  return candidates.find(isExecutableFile);
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
