/**
 * The name of a file that a fetch writes, until it is whole. It tells the process that writes it, so that the next fetch
 * can remove at once what a killed one has left.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { ownNamespace, startTimeOf } from '../../base/process-identity.ts';

/** A new name beside `destination`. */
export function newTemporaryName(destination: string): string {
  const writer = writerText();
  const digits = `${writer ?? ''}${randomBytes(6).toString('hex')}`;
  return join(dirname(destination), `.${basename(destination)}.${digits}.tmp`);
}

/** True if the process that wrote the file surely is dead. False for a process of another container. */
export function hasDeadWriter(name: string): boolean {
  const [, namespace, pid, startTime] = writerPattern.exec(name) ?? [];
  if (namespace === undefined || pid === undefined || startTime === undefined) return false;
  if (BigInt(`0x${namespace}`) !== namespaceNumber()) return false;
  return startTimeOf(Number.parseInt(pid, 16)) !== String(BigInt(`0x${startTime}`));
}

const writerPattern = /\.([0-9a-f]{10})([0-9a-f]{8})([0-9a-f]{16})[0-9a-f]{12}\.tmp$/;

/** Namespace, process id and start time. Undefined where /proc does not tell them. */
function writerText(): string | undefined {
  const namespace = namespaceNumber();
  const startTime = startTimeOf(process.pid);
  if (namespace === undefined || startTime === undefined) return undefined;
  return digits(namespace, 10) + digits(BigInt(process.pid), 8) + digits(BigInt(startTime), 16);
}

function digits(value: bigint, count: number): string {
  return value.toString(16).padStart(count, '0');
}

/** The number in `pid:[4026531836]`. */
function namespaceNumber(): bigint | undefined {
  const number = /\[(\d+)\]$/.exec(ownNamespace() ?? '')?.[1];
  return number === undefined ? undefined : BigInt(number);
}
