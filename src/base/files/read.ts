/**
 * What `readFile` of `node:fs/promises` does, in calls that `process.getActiveResourcesInfo` shows. Node 26 opens and reads a
 * file in one that it does not show, so that `exit` in main.ts would not know that it hangs (ADR 4).
 */
import { open } from 'node:fs/promises';

/** @throws system errors */
export async function readWhole(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** UTF-8. @throws system errors */
export async function readText(path: string): Promise<string> {
  return (await readWhole(path)).toString('utf8');
}
