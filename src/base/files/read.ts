/**
 * Whole files read by calls that `process.getActiveResourcesInfo` shows. Node 24 shows its `readFile`, but
 * Node 26 does not: there `exit` in main.ts could not know that a read hangs (ADR 4).
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

/** The file as UTF-8 text. @throws system errors */
export async function readText(path: string): Promise<string> {
  return (await readWhole(path)).toString('utf8');
}
