/** The state of a path that may not exist. */
import type { Stats } from 'node:fs';
import { lstat, stat } from '../../base/files/calls.ts';
import { isMissing } from './error.ts';

/** Undefined if nothing is there; every other failure is thrown as the system gave it. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  return await unlessMissing(stat(path));
}

/** The same without following a link. */
export async function lstatIfThere(path: string): Promise<Stats | undefined> {
  return await unlessMissing(lstat(path));
}

async function unlessMissing(looking: Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
