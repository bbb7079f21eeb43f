/** A check whether a process is alive. */
import { systemCode } from '../../base/errors/errors.ts';

/** True if the process exists, also as another user's. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
