/** A target of fuzzing: one parser, or a few that read the same thing, with valid inputs to begin from. */
import type { Random } from './random.ts';

export interface FuzzTarget {
  /** The name on the command line and in the table of results. */
  readonly name: string;
  /** What it reads, for people: whose hands it comes from. */
  readonly reads: string;
  /** The exports of src that it drives, as `path/below/src.ts#name`; a test compares them with what src exports. */
  readonly parsers: readonly string[];
  /** Called once in each process, before the first input. */
  open(): Promise<OpenTarget>;
}

export interface OpenTarget {
  /** Valid inputs, and odd ones: others are made from them. */
  readonly corpus: readonly Uint8Array[];
  /** `json`: also changed as values, one for each line. `text`: also with words and numbers that parsers trip over. */
  readonly form: 'bytes' | 'text' | 'json';
  /** Makes checksums right again, so that an input gets past them; applied to most inputs. */
  readonly repair?: (input: Buffer, random: Random) => Uint8Array;
  /**
   * Gives the input to the parser. A WalvaultError is an answer; any other error is a fault, and so are files that are
   * left in `directory`, which is also the directory for temporary files.
   */
  parse(input: Buffer, context: FuzzContext): Promise<void> | void;
}

export interface FuzzContext {
  /** Follows from the input alone: a saved input always has the same numbers. */
  readonly random: Random;
  readonly directory: string;
}

/** The input in chunks of any size. */
export async function* inRandomChunks(input: Uint8Array, random: Random): AsyncGenerator<Uint8Array> {
  const mostBytes = random.pick([1, 16, 512, 4096, 65_536, 1024 ** 2]);
  // Chunks of one byte take too long for a large input.
  const atLeast = Math.ceil(input.length / 500);
  for (let at = 0; at < input.length;) {
    const sizeBytes = Math.max(atLeast, 1 + random.below(mostBytes));
    yield input.subarray(at, at + sizeBytes);
    at += sizeBytes;
  }
}
