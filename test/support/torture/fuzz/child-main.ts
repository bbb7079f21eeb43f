/**
 * The process in which inputs are parsed: it may hang, crash or use up its memory, and another process watches it.
 *
 * It notes the number of each input in a file before it begins, also that it is being made, and writes a line to standard output for each fault.
 */
import { openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { mostResidentBytes } from './limits.ts';
import { makeInput } from './mutate.ts';
import { Random } from './random.ts';
import { faultOf, runInput, watchBuffers, type Fault } from './run-input.ts';
import { shrink } from './shrink.ts';
import { findTarget } from './targets.ts';
import { fileOf, type Report, type Slice } from './slice.ts';

const slice = JSON.parse(process.argv[2] ?? '') as Slice;
const { target: name, seed, from, scratch, faultsDirectory } = slice;
const progress = openSync(slice.progressPath, 'w');
let index = from;
let input: Buffer = Buffer.alloc(0);
const seen = new Set<string>();

for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => {
    report(faultOf(error));
    process.exit(1);
  });

const target = await findTarget(name).open();
watchBuffers();
const endsAtMs = performance.now() + slice.lengthMs;
const memoryAtStart = process.resourceUsage().maxRSS * 1024;
for (; index < slice.to && performance.now() < endsAtMs; index++) {
  begin(index, ' made');
  input = inputOf(index);
  begin(index);
  if (slice.keepsInput) writeFileSync(join(faultsDirectory, fileOf(slice, index)), input);
  const fault = await runInput(target, input, scratch);
  if (fault !== undefined) await tell(fault);
  // A failure that nobody waited for is told only now.
  await new Promise(setImmediate);
  if (process.resourceUsage().maxRSS * 1024 > mostResidentBytes) {
    report({
      kind: 'memory',
      message: `${process.resourceUsage().maxRSS >> 10} MiB resident, ${Math.round(memoryAtStart / 1024 ** 2)} at first`,
      cause: 'resident memory',
    });
    index++;
    break;
  }
}
begin(index, ' made');
say({ kind: 'end', next: index, residentBytes: process.resourceUsage().maxRSS * 1024 });
// A parser must not leave anything behind that keeps a process alive; this one has nothing more to do.
process.exit(0);

function inputOf(number: number): Buffer {
  if (slice.inputPath !== undefined) return readFileSync(slice.inputPath);
  return makeInput(target, new Random(`${seed}/${name}/${number}`));
}

/** A fault of a new cause is made shorter first; of a known one, nothing more is told. */
async function tell(fault: Fault): Promise<void> {
  if (seen.has(fault.cause)) return say({ kind: 'again', cause: fault.cause });
  seen.add(fault.cause);
  const isSame = async (shorter: Buffer) => (await runInput(target, shorter, scratch))?.cause === fault.cause;
  const number = index;
  input = await shrink(input, isSame, { endsAtMs: performance.now() + 1000 });
  index = number;
  report(fault);
}

function report(fault: Fault): void {
  const file = join(faultsDirectory, fileOf(slice, index));
  writeFileSync(file, input);
  say({ kind: 'fault', fault, index, file });
}

function say(message: Report): void {
  writeSync(1, `${JSON.stringify(message)}\n`);
}

/** The time in which an input is made is none of the parser's. */
function begin(number: number, state: '' | ' made' = ''): void {
  writeSync(progress, `${number}${state}`.padEnd(20), 0);
}
