/** What one process is to do, and what it says while it does it. */
import type { Fault } from './run-input.ts';

export interface Slice {
  readonly target: string;
  readonly seed: string;
  /** The numbers of the inputs: from the first up to the second, exclusive, as far as the time allows. */
  readonly from: number;
  readonly to: number;
  readonly lengthMs: number;
  /** Each input is written to `faultsDirectory` before it is parsed. */
  readonly keepsInput: boolean;
  /** The content of this file in place of a made input. */
  readonly inputPath?: string | undefined;
  readonly progressPath: string;
  /** For the parser's own files; it must be empty after each input. */
  readonly scratch: string;
  readonly faultsDirectory: string;
}

export type Report =
  | { readonly kind: 'fault'; readonly fault: Fault; readonly index: number; readonly file: string }
  /** A fault whose cause this process has reported already. */
  | { readonly kind: 'again'; readonly cause: string }
  | { readonly kind: 'end'; readonly next: number; readonly residentBytes: number };

/** The name of a saved input: it begins with the target, so that `--input` finds it. */
export function fileOf({ target, seed }: Pick<Slice, 'target' | 'seed'>, index: number): string {
  return `${target}.${seed}.${index}.bin`;
}
