/** The state of a path that may not exist. */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isMissing } from './error.ts';

/** Undefined if nothing is there; every other failure is thrown as the system gave it. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
