/** The signals that a process handles: before it has its handlers, a signal kills it. */
import { readFileSync } from 'node:fs';

const sigquitBit = 1n << 2n;

/** By the kernel's list of the signals that a process catches: SIGQUIT is the last that walvault asks for. */
export function hasHandlers(pid: number): boolean {
  const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return caught !== undefined && (BigInt(`0x${caught}`) & sigquitBit) !== 0n;
}
