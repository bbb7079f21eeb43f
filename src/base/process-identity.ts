/** What identifies a process of this host for good: a process id alone is given to another process later. */
import { readFileSync, readlinkSync } from 'node:fs';

/** The start time of a process: field 22 of stat, proc(5). Undefined: no such process. */
export function startTimeOf(pid: number | string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** This process' namespace, as `pid:[4026531836]`. Undefined where /proc is another namespace's, or does not tell. */
export function ownNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self') === String(process.pid) ? readlinkSync('/proc/self/ns/pid') : undefined;
  } catch {
    return undefined;
  }
}
