/** Whether something has a name. */
import { systemCode } from '../errors/errors.ts';
import { lstat } from './calls.ts';

/** True for a link, too, wherever it leads. @throws system errors */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
