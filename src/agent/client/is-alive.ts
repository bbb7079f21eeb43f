import { systemCode } from '../../base/errors/errors.ts';

/** Whether there is such a process; one of another user counts, too. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
