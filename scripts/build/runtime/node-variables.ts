/**
 * The variables by which Node itself would write files, show its inner life, or trust any certificate. No flag turns them
 * off (docs/adr/0006), so the program starts anew without them.
 */
import { isAbsolute } from 'node:path';
import { stopCoverage } from 'node:v8';

const unwanted = [
  'NODE_COMPILE_CACHE',
  'NODE_DEBUG',
  'NODE_DEBUG_NATIVE',
  'NODE_REDIRECT_WARNINGS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_V8_COVERAGE',
];

/** Replaces this process by itself, with the same id, where such a variable is set; returns where none is. */
export function startWithoutNodeVariables(): void {
  const found = unwanted.filter(name => process.env[name] !== undefined);
  if (found.length === 0) return;
  for (const name of found) delete process.env[name];
  // Otherwise Node would write at the exec what it has counted so far.
  if (found.includes('NODE_V8_COVERAGE')) stopCoverage();
  // Without a mounted /proc the path is not known: what Node has begun goes on, and it trusts nobody all the same.
  if (process.execve === undefined || !isAbsolute(process.execPath)) return;
  process.execve(process.execPath, [process.argv0, ...process.argv.slice(2)], process.env);
}
