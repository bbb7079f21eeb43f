/** Parsers with one fault each, for the test of the harness. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { longestCpuMs, mebibyte } from './limits.ts';
import type { FuzzTarget, OpenTarget } from './target.ts';

type Parse = OpenTarget['parse'];

function broken(name: string, parse: Parse): FuzzTarget {
  return {
    name,
    reads: 'nothing real',
    parsers: [],
    open: () => Promise.resolve({ form: 'text', corpus: [Buffer.from('any input')], parse }),
  };
}

const held: Buffer[] = [];

/** A parser without a fault, whose inputs take longer to make than one may take to be parsed. */
export const slowlyMade: FuzzTarget = {
  name: 'slowly-made',
  reads: 'nothing real',
  parsers: [],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: [Buffer.from('any input')],
      repair: input => {
        const startedAt = process.cpuUsage();
        for (let usedMs = 0; usedMs < longestCpuMs * 1.2;) {
          const { user, system } = process.cpuUsage(startedAt);
          usedMs = (user + system) / 1000;
        }
        return input;
      },
      parse: () => undefined,
    }),
};

export const brokenTargets: readonly FuzzTarget[] = [
  broken('broken-error', input => {
    (input as unknown as { missing: { length: number } }).missing.length.toString();
  }),
  broken('broken-internal', () => {
    throw new WalvaultError('internal', 'a fault of its own');
  }),
  broken('broken-hang', () => {
    for (let isOver = false; !isOver;) isOver = performance.now() < 0;
  }),
  broken('broken-waiting', () => new Promise(() => undefined)),
  broken('broken-later', () => void Promise.reject(new TypeError('nobody waits for it'))),
  broken('broken-crash', () => process.abort()),
  // Its memory is not touched, so it is not resident.
  broken('broken-buffer', () => void Buffer.allocUnsafe(300 * mebibyte)),
  broken('broken-memory', async () => {
    for (;;) {
      held.push(Buffer.alloc(32 * mebibyte, 1));
      await new Promise(setImmediate);
    }
  }),
  broken('broken-left', (_input, { directory }) => {
    writeFileSync(join(directory, '.plain.tmp'), 'plaintext');
  }),
  broken('broken-disk', async (_input, { directory }) => {
    for (let at = 0; ; at++) {
      writeFileSync(join(directory, 'plain'), Buffer.alloc(8 * mebibyte), { flag: 'a' });
      await new Promise(setImmediate);
    }
  }),
];
