/** The path of the running executable. */
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/**
 * The absolute path of this program. Without a mounted /proc, Node knows only the name by which it was started; a shell
 * has found that in the working directory or in PATH. The name itself where it is not found any more.
 */
export function ownExecutable(startedAs = process.execPath, env: NodeJS.ProcessEnv = process.env): string {
  if (isAbsolute(startedAs)) return startedAs;
  if (startedAs.includes('/')) return resolve(startedAs);
  const found = (env['PATH'] ?? '').split(delimiter).map(directory => join(directory || '.', startedAs));
  const path = found.find(isExecutable);
  return path === undefined ? startedAs : resolve(path);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
