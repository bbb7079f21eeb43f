/** The last lines that a server wrote, where it wrote them: where it is started to, or its own log collector's file. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

/** Kept beside the data: the collector of the copy may not run yet when the server says why it does not start. */
export const startLogName = 'walvault_start.log';

const tailBytes = 16 * 1024;
/** The collector names its file, a short path, in this file of the data directory. */
const collectorsFile = 'current_logfiles';

interface LastWords {
  readonly path: string;
  readonly lines: readonly string[];
}

/** Empty where nothing can be read. */
export function lastWordsIn(dataDirectory: string, lineCount: number): LastWords {
  const start = resolve(dataDirectory, startLogName);
  const path = newest([start, ...collectedIn(dataDirectory)]) ?? start;
  const lines = tailOf(path)
    .split('\n')
    .filter(line => line.trim() !== '');
  return { path, lines: lines.slice(-lineCount) };
}

function collectedIn(dataDirectory: string): string[] {
  const [, path] =
    /^(?:stderr|csvlog|jsonlog) (.+)$/m.exec(tailOf(resolve(dataDirectory, collectorsFile))) ?? [];
  return path === undefined ? [] : [resolve(dataDirectory, path)];
}

function newest(paths: readonly string[]): string | undefined {
  let found: { readonly path: string; readonly at: number } | undefined;
  for (const path of paths) {
    const at = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (at !== undefined && at >= (found?.at ?? 0)) found = { path, at };
  }
  return found?.path;
}

function tailOf(path: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const start = Math.max(0, size - tailBytes);
      const buffer = Buffer.alloc(Math.min(size, tailBytes));
      const bytesRead = readSync(fd, buffer, 0, buffer.length, start);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}
