/** One input given to one parser, and what a parser may not do with it. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes, messageOf, systemCode, WalvaultError } from '../../../../src/base/errors/errors.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { mebibyte } from './limits.ts';
import { Random } from './random.ts';
import type { OpenTarget } from './target.ts';

export interface Fault {
  readonly kind: 'error' | 'left behind' | 'memory' | 'hang' | 'crash';
  readonly message: string;
  /** Faults with the same text have the same cause. */
  readonly cause: string;
}

/** The largest single buffer. Its memory may be untouched, so that nothing else shows it. */
const largestBufferBytes = 80 * mebibyte;

/** Undefined: the parser took the input, or refused it as it should. */
export async function runInput(
  target: OpenTarget,
  input: Buffer,
  directory: string,
): Promise<Fault | undefined> {
  largestBuffer = 0;
  let fault: Fault | undefined;
  try {
    await target.parse(Buffer.from(input), { random: new Random(input), directory });
  } catch (error) {
    if (!isAnswer(error)) fault = faultOf(error);
  }
  const left = readdirSync(directory);
  for (const name of left) rmSync(join(directory, name), { recursive: true, force: true });
  if (left.length > 0)
    fault ??= { kind: 'left behind', message: left.join(' '), cause: 'files are left behind' };
  if (largestBuffer > largestBufferBytes)
    fault ??= {
      kind: 'memory',
      message: `a buffer of ${Math.round(largestBuffer / mebibyte)} MiB`,
      cause: 'a large buffer',
    };
  return fault;
}

/** `internal` is what walvault says of its own faults; a store also of a request that the service does not take. */
function isAnswer(error: unknown): boolean {
  // A file beyond its bound is refused with the words of the system.
  if (systemCode(error) === 'EFBIG') return true;
  if (error instanceof StoreError)
    return Object.hasOwn(errorCodes, error.code) && typeof error.kind === 'string';
  return error instanceof WalvaultError && Object.hasOwn(errorCodes, error.code) && error.code !== 'internal';
}

export function faultOf(error: unknown): Fault {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const message = `${error instanceof Error ? error.name : typeof error}: ${messageOf(error)}`;
  const places = stack.split('\n').filter(line => /\/(?:src|test)\/\S+:\d+/.test(line));
  const place = places.map(line => /\/((?:src|test)\/\S+?:\d+)/.exec(line)?.[1] ?? '').slice(0, 3);
  const kindOfMessage = message.slice(0, 200).replaceAll(/"[^"]*"|\d+/g, '…');
  return {
    kind: 'error',
    message: `${message.slice(0, 500)} (${place.join(', ')})`,
    cause: `${place[0] ?? ''} ${place[0] === undefined ? kindOfMessage : message.slice(0, message.indexOf(':'))}`,
  };
}

let largestBuffer = 0;

/** Notes the size of every buffer that is asked for from now on, in this process. */
export function watchBuffers(): void {
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name].bind(Buffer);
    Buffer[name] = (sizeBytes: number, ...rest: []) => {
      largestBuffer = Math.max(largestBuffer, sizeBytes);
      return original(sizeBytes, ...rest);
    };
  }
}
