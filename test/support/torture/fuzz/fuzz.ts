/** Fuzzing of every parser that reads what others may have written (`npm run soak -- fuzz`). */
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { each } from '../../../../src/base/threads/each.ts';
import { fileOf, type Slice } from './slice.ts';
import { findTarget, fuzzTargets } from './targets.ts';
import { runSlice, type SliceResult } from './watch.ts';
import { temporaryDirectory } from '../../site/temp.ts';
import type { Fault } from './run-input.ts';

export interface FuzzOptions {
  readonly minutes: number;
  readonly seed: string;
  /** The names of targets; all by default. */
  readonly targets?: readonly string[] | undefined;
  /** So many inputs for each target, instead of a time. */
  readonly inputsEach?: number | undefined;
  /** Where failing inputs are kept. */
  readonly faultsDirectory: string;
  readonly say: (line: string) => void;
}

export interface TargetResult {
  readonly name: string;
  readonly inputs: number;
  readonly seconds: number;
  readonly residentBytes: number;
  readonly faults: readonly FoundFault[];
}

export interface FoundFault extends Fault {
  readonly file: string;
  readonly times: number;
}

/** A slice is so long at most, so that each target gets its turn early, and none keeps memory for long. */
const longestSliceMs = 20_000;

export async function fuzz(options: FuzzOptions): Promise<TargetResult[]> {
  const { minutes, seed, say, inputsEach = Number.MAX_SAFE_INTEGER } = options;
  const names = options.targets ?? fuzzTargets.map(({ name }) => name);
  const runs = names.map(name => new TargetRun(findTarget(name).name, options));
  const atOnce = Math.min(availableParallelism(), runs.length);
  const endsAtMs = performance.now() + minutes * 60_000;
  mkdirSync(options.faultsDirectory, { recursive: true });
  say(`seed ${seed}; failing inputs are kept in ${options.faultsDirectory}`);
  for (let round = 1; runs.some(run => run.inputs < inputsEach); round++) {
    const leftMs = endsAtMs - performance.now();
    if (leftMs <= 0) break;
    const lengthMs = Math.max(1000, Math.min(longestSliceMs, (leftMs * atOnce) / runs.length));
    await each(runs, atOnce, async run => {
      if (performance.now() < endsAtMs || round === 1) await run.slice(lengthMs, inputsEach);
    });
    const inputs = runs.reduce((total, run) => total + run.inputs, 0);
    say(
      `round ${round}: ${inputs} inputs, ${runs.reduce((total, run) => total + run.faults.size, 0)} faults`,
    );
  }
  if (readdirSync(options.faultsDirectory).length === 0) rmdirSync(options.faultsDirectory);
  return runs.map(run => run.result());
}

/** Gives a saved input to its target again. @returns the fault, if it still fails */
export async function repeatInput(path: string, say: (line: string) => void): Promise<Fault | undefined> {
  const [name = ''] = basename(path).split('.');
  const directory = temporaryDirectory('fuzz', { keepOwner: true });
  const slice = sliceIn(directory, {
    target: findTarget(name).name,
    seed: 'again',
    faultsDirectory: directory,
  });
  const result = await runSlice({ ...slice, from: 0, to: 1, inputPath: resolve(path) });
  const fault = result.died ?? result.reports.find(report => report.kind === 'fault')?.fault;
  say(fault === undefined ? `${name}: no fault` : `${name}: ${fault.kind}: ${fault.message}`);
  return fault;
}

class TargetRun {
  readonly faults = new Map<string, FoundFault>();
  readonly #name: string;
  readonly #options: FuzzOptions;
  readonly #slice: Slice;
  #next = 0;
  #elapsedMs = 0;
  #residentBytes = 0;

  constructor(name: string, options: FuzzOptions) {
    this.#name = name;
    this.#options = options;
    const { seed, faultsDirectory } = options;
    this.#slice = sliceIn(temporaryDirectory('fuzz', { keepOwner: true }), {
      target: name,
      seed,
      faultsDirectory,
    });
  }

  get inputs(): number {
    return this.#next;
  }

  /** Goes on for so long, in a new process after each that died. */
  async slice(lengthMs: number, to: number): Promise<void> {
    const endsAtMs = performance.now() + lengthMs;
    for (let leftMs = lengthMs; leftMs > 0 && this.#next < to; leftMs = endsAtMs - performance.now()) {
      const startedAtMs = performance.now();
      const result = await runSlice({ ...this.#slice, from: this.#next, to, lengthMs: leftMs });
      this.#elapsedMs += performance.now() - startedAtMs;
      this.#residentBytes = Math.max(this.#residentBytes, result.residentBytes);
      this.#take(result);
      this.#next = result.next;
      if (result.died === undefined) continue;
      await this.#confirm(result.next, result.died);
      this.#next++;
    }
  }

  result(): TargetResult {
    return {
      name: this.#name,
      inputs: this.#next,
      seconds: this.#elapsedMs / 1000,
      residentBytes: this.#residentBytes,
      faults: [...this.faults.values()],
    };
  }

  #take({ reports }: SliceResult): void {
    for (const report of reports)
      if (report.kind === 'fault') this.#add(report.fault, report.file);
      else {
        const known = this.faults.get(report.cause);
        if (known !== undefined) this.faults.set(report.cause, { ...known, times: known.times + 1 });
      }
  }

  /** The same input alone in a new process: only that tells its fault from what was left by those before, or by a busy machine. */
  async #confirm(index: number, died: Fault): Promise<void> {
    const alone = await runSlice({ ...this.#slice, from: index, to: index + 1, keepsInput: true });
    this.#take(alone);
    const file = join(this.#slice.faultsDirectory, fileOf(this.#slice, index));
    const fault = alone.died ?? (died.kind === 'crash' ? died : undefined);
    if (fault !== undefined) return this.#add(fault, file);
    if (alone.reports.length > 0) return;
    rmSync(file, { force: true });
    this.#options.say(
      `${this.#name}: input ${index}: ${died.kind} (${died.message}), but not alone in a new process`,
    );
  }

  #add(fault: Fault, file: string): void {
    const known = this.faults.get(fault.cause);
    if (known === undefined) this.#options.say(`${this.#name}: ${fault.kind}: ${fault.message}\n  ${file}`);
    this.faults.set(fault.cause, { ...(known ?? { ...fault, file }), times: (known?.times ?? 0) + 1 });
  }
}

type SlicePlace = Pick<Slice, 'target' | 'seed' | 'faultsDirectory'>;

/** A slice of a target with files of its own below `directory`. */
function sliceIn(directory: string, place: SlicePlace): Slice {
  const scratch = join(directory, 'scratch');
  const progressPath = join(directory, 'progress');
  return { ...place, from: 0, to: 0, lengthMs: 60_000, keepsInput: false, progressPath, scratch };
}
